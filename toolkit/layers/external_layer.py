"""The calls of a layer written outside cnnkit, with what it returns checked; a breach is one line.

cnnkit's own layers are called directly: their tests check the same once.
"""

import dataclasses
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from cnnkit.backends.protocol import Array, Shape
from cnnkit.contracts import (
    describe,
    dtype_name,
    list_names,
    naming_faults,
    require_array,
    require_pair,
    require_tree_like,
)
from cnnkit.errors import ConfigError, ContractError
from cnnkit.files.names import describe_value
from cnnkit.layers.base import Context, Layer, Reach, Shapes, Values, Variables
from cnnkit.tree import Tree, map_leaves


class ExternalCache(NamedTuple):
    """What the layer left for its backward pass, the shapes of its inputs and outputs, and the dtype of them all."""

    cache: Any
    x_shapes: tuple[Shape, ...]
    y_shapes: tuple[Shape, ...]
    dtype: Any


def init(layer: Layer, rng: np.random.Generator, x_shape: Shapes) -> Variables:
    """Return layer.init(rng, x_shape): trees of NumPy arrays of numbers."""
    if not layer.external:
        return layer.init(rng, x_shape)
    with naming_faults(layer.type, "init"):
        made = layer.init(rng, x_shape)
    if not isinstance(made, Variables):
        hint = "from cnnkit.layers import Variables"
        raise ContractError(layer.type, f"init must return Variables(params, state), got {describe(made)}", hint)
    for kind, tree in zip(("params", "state"), made, strict=True):
        _require_variables(layer.type, kind, tree)
    return made


def _require_variables(part: str, kind: str, tree: Any) -> None:
    if not isinstance(tree, dict):
        raise ContractError(part, f"init: {kind} must be a dictionary {{name: array}}, got {describe(tree)}")
    for name, value in tree.items():
        if not isinstance(name, str) or not name or "." in name:
            raise ContractError(part, f"init: a name in {kind} must be a text without a dot, got {name!r}")
        if isinstance(value, dict):
            _require_variables(part, kind, value)
        elif not isinstance(value, np.ndarray) or value.dtype.kind not in "fiub":
            got = value.dtype if isinstance(value, np.ndarray) else describe(value)
            raise ContractError(part, f"init: {name} in {kind} must be a NumPy array of numbers, got {got}")


def variable_shapes(layer: Layer, x_shape: Shapes) -> Variables:
    """Return the shapes of what init returns; it is called where the layer's own variable_shapes is older than it."""
    classes = type(layer).__mro__
    newest = {
        name: next(i for i, cls in enumerate(classes) if name in vars(cls)) for name in ("init", "variable_shapes")
    }
    if not layer.external or newest["variable_shapes"] <= newest["init"]:
        return layer.variable_shapes(x_shape)
    drawn = init(layer, np.random.default_rng(0), x_shape)
    return Variables(*(map_leaves(lambda values: tuple(np.shape(values)), tree) for tree in drawn))


def output_shape(layer: Layer, x_shape: Shapes) -> Shapes:
    """Return layer.output_shape(x_shape): a tuple of whole numbers, or one such tuple for each of several outputs."""
    if not layer.external:
        return layer.output_shape(x_shape)
    with naming_faults(layer.type, "output_shape"):
        shape: Any = layer.output_shape(x_shape)
        count = layer.output_count
    if count == 1:
        return _require_shape(layer, shape)
    if not isinstance(shape, tuple) or len(shape) != count:
        raise ContractError(layer.type, f"output_shape must return a tuple of {count} shapes, got {describe(shape)}")
    return tuple(_require_shape(layer, part) for part in shape)


def _require_shape(layer: Layer, shape: Any) -> Shape:
    if not isinstance(shape, tuple) or not all(isinstance(n, int | np.integer) and n >= 0 for n in shape):
        raise ContractError(layer.type, f"output_shape must return a tuple of whole numbers without N, got {shape!r}")
    return tuple(int(n) for n in shape)


def forward(layer: Layer, context: Context, params: Tree, state: Tree, x: Values) -> tuple[Values, Any]:
    """Return layer.forward(...): y of the shape that output_shape says, and the cache that the calls below take."""
    if not layer.external:
        return layer.forward(context, params, state, x)
    with _naming(layer, "forward", context, params, state):
        result = layer.forward(context, params, state, x)
    y, cache = require_pair(layer.type, "forward", "(y, cache)", result)
    xs: tuple[Array, ...] = (x,) if layer.input_count == 1 else x
    shapes = tuple(tuple(array.shape[1:]) for array in xs)
    said = output_shape(layer, shapes[0] if layer.input_count == 1 else shapes)
    samples, dtype = xs[0].shape[0], xs[0].dtype
    y_shapes = tuple((samples, *shape) for shape in ((said,) if layer.output_count == 1 else said))
    _require_arrays(layer.type, "y of forward, as output_shape says,", y, layer.output_count == 1, y_shapes, dtype)
    return y, ExternalCache(cache, tuple((samples, *shape) for shape in shapes), y_shapes, dtype)


def _require_arrays(part: str, what: str, values: Values, single: bool, shapes: tuple[Shape, ...], dtype: Any) -> None:
    """Raise ContractError unless `values` is an array or, where it is not single, a tuple with one for each shape."""
    if single:
        require_array(part, what, values, shapes[0], dtype)
        return
    if not isinstance(values, tuple) or len(values) != len(shapes):
        raise ContractError(part, f"{what} must be a tuple of {len(shapes)} arrays, got {describe(values)}")
    for number, (value, shape) in enumerate(zip(values, shapes, strict=True)):
        require_array(part, f"entry {number} of {what}", value, shape, dtype)


def backward(layer: Layer, context: Context, params: Tree, cache: Any, dy: Values) -> tuple[Values, Tree]:
    """Return layer.backward(...): dx of the shape of x, and gradients named like params."""
    if not layer.external:
        return layer.backward(context, params, cache, dy)
    with _naming(layer, "backward", context, params, {}):
        result = layer.backward(context, params, cache.cache, _fill_unread(context, cache, dy))
    dx, grads = require_pair(layer.type, "backward", "(dx, grads)", result)
    _require_arrays(layer.type, "dx of backward, as x,", dx, layer.input_count == 1, cache.x_shapes, cache.dtype)
    require_tree_like(layer.type, "backward", "gradient", grads, params)
    return dx, grads


def _fill_unread(context: Context, cache: ExternalCache, dy: Values) -> Values:
    """Return dy with zeros for the outputs that nothing reads, for which a graph gives None."""
    if not isinstance(dy, tuple):
        return dy
    dtype = dtype_name(cache)  # a cache has the dtype of the values
    shapes = zip(dy, cache.y_shapes, strict=True)
    return tuple(context.backend.zeros(shape, dtype) if part is None else part for part, shape in shapes)


def parameter_gradients(layer: Layer, context: Context, params: Tree, cache: Any, dy: Values) -> Tree:
    """Return layer.parameter_gradients(...): gradients named like params."""
    if not layer.external:
        return layer.parameter_gradients(context, params, cache, dy)
    if type(layer).parameter_gradients is Layer.parameter_gradients:
        return backward(layer, context, params, cache, dy)[1]
    with _naming(layer, "parameter_gradients", context, params, {}):
        grads = layer.parameter_gradients(context, params, cache.cache, _fill_unread(context, cache, dy))
    require_tree_like(layer.type, "parameter_gradients", "gradient", grads, params)
    return grads


def next_state(layer: Layer, state: Tree, cache: Any) -> Tree:
    """Return layer.next_state(state, cache), named like state."""
    if not layer.external:
        return layer.next_state(state, cache)
    with naming_faults(layer.type, "next_state", f"its state is {{{list_names(state)}}}"):
        following = layer.next_state(state, cache.cache)
    require_tree_like(layer.type, "next_state", "value", following, state)
    return following


def _naming(layer: Layer, method: str, context: Context, params: Tree, state: Tree) -> Any:
    made = f"init made the params {{{list_names(params)}}} and the state {{{list_names(state)}}}"
    return naming_faults(layer.type, method, made, context.backend.out_of_memory)


def reach(layer: Layer, x_shape: Shapes) -> Reach | None:
    """Return layer.reach(x_shape)."""
    if not layer.external:
        return layer.reach(x_shape)
    with naming_faults(layer.type, "reach"):
        found: Any = layer.reach(x_shape)
    if found is not None and not isinstance(found, Reach):
        raise ContractError(layer.type, f"reach must return a Reach(extent, stride) or None, got {describe(found)}")
    return found


def multiply_adds(layer: Layer, x_shape: Shapes) -> int:
    """Return layer.multiply_adds(x_shape), a whole number."""
    if not layer.external:
        return layer.multiply_adds(x_shape)
    with naming_faults(layer.type, "multiply_adds"):
        count: Any = layer.multiply_adds(x_shape)
    if not isinstance(count, int | np.integer) or count < 0:
        raise ContractError(layer.type, f"multiply_adds must return a whole number >= 0, got {describe(count)}")
    return int(count)


def gather_layers(owner: str, field: str, values: Any) -> tuple[Layer, ...]:
    """Return the layers of a list or tuple as a tuple. Raises ConfigError for anything else."""
    if not isinstance(values, Iterable) or isinstance(values, str | dict):
        got = describe_value(values)
        raise ConfigError(f"{owner}: expected {field} to be a list of layers, got {got}: write [...] around them")
    layers = tuple(values)
    require_layers(owner, field, layers)
    return layers


def require_layers(owner: str, field: str, values: tuple[object, ...]) -> None:
    """Raise ConfigError unless all values are layers, that is objects of frozen dataclasses derived from Layer."""
    for value in values:
        _require_layer(owner, field, value)


def _require_layer(owner: str, field: str, value: object) -> None:
    if isinstance(value, type) and issubclass(value, Layer):
        raise ConfigError(f"{owner}: expected {field} to be layers, got the class {value.__name__}: add ()")
    if not isinstance(value, Layer):
        raise ConfigError(f"{owner}: expected {field} to be layers, got {describe_value(value)} among them")
    if not value.external:
        return
    cls = type(value)
    parameters = getattr(cls, "__dataclass_params__", None)
    fault = None
    if parameters is None:
        fault = "is no dataclass"
    elif not parameters.frozen:
        fault = "is a dataclass that is not frozen"
    elif "__dataclass_params__" not in vars(cls) and _own_fields(cls):
        fault = f"adds the fields {', '.join(_own_fields(cls))} to a dataclass without being one"
    if fault:
        raise ConfigError(f"layer {cls.__name__} {fault}: write @dataclass(frozen=True) above its class")
    lacking = [f.name for f in dataclasses.fields(value) if not hasattr(value, f.name)]  # type: ignore[arg-type]
    if lacking:
        raise ConfigError(f"layer {cls.__name__}: its __init__ sets no {lacking[0]}: leave __init__ to the dataclass")


def _own_fields(cls: type) -> list[str]:
    """Return the annotated names of the class itself that a dataclass decorator would make fields."""
    return [name for name, kind in vars(cls).get("__annotations__", {}).items() if "ClassVar" not in str(kind)]
