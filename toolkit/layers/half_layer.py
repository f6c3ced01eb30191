"""The calls of a layer in a network of half precision: each layer gets its arrays in the type that it computes in.

A layer whose `half_precision` is True computes in the 16-bit type of the context, any other leaf in float32. Values
travel in the type of the layer that made them, and gradients in that of the values. Parameters are float32 outside,
and so are their gradients.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from cnnkit.backends.protocol import Array, Backend
from cnnkit.contracts import dtype_name
from cnnkit.layers import external_layer
from cnnkit.layers.base import Context, Layer, Values
from cnnkit.tree import Tree, map_leaves


class HalfCache(NamedTuple):
    """What a leaf needs for its backward pass: the type that it computes in, its parameters in it, the types of x."""

    dtype: str
    params: Tree
    x_dtypes: tuple[str, ...]
    cache: Any


def forward(layer: Layer, context: Context, params: Tree, state: Tree, x: Values) -> tuple[Values, Any]:
    """Return (y, cache) of layer.forward(...)."""
    half = context.half
    if half is None or layer.half_precision is None:
        return external_layer.forward(layer, context, params, state, x)
    dtype = half if layer.half_precision else "float32"
    own = map_leaves(lambda p: context.backend.asarray(p, dtype), params) if layer.half_precision else params
    given = _cast(context.backend, x, dtype)
    y, cache = external_layer.forward(layer, context._replace(half=None), own, state, given)
    return _cast(context.backend, y, dtype), HalfCache(dtype, own, _list_dtypes(x), cache)


def backward(layer: Layer, context: Context, params: Tree, cache: Any, dy: Values) -> tuple[Values, Tree]:
    """Return (dx, grads) of layer.backward(...)."""
    if not isinstance(cache, HalfCache):
        return external_layer.backward(layer, context, params, cache, dy)
    backend = context.backend
    dx, grads = _run_backward(external_layer.backward, layer, context, cache, dy)
    if isinstance(dx, tuple):
        dx = tuple(backend.asarray(part, dtype) for part, dtype in zip(dx, cache.x_dtypes, strict=True))
    else:
        dx = backend.asarray(dx, cache.x_dtypes[0])
    return dx, _widen(backend, grads)


def parameter_gradients(layer: Layer, context: Context, params: Tree, cache: Any, dy: Values) -> Tree:
    """Return layer.parameter_gradients(...)."""
    if not isinstance(cache, HalfCache):
        return external_layer.parameter_gradients(layer, context, params, cache, dy)
    return _widen(context.backend, _run_backward(external_layer.parameter_gradients, layer, context, cache, dy))


def next_state(layer: Layer, state: Tree, cache: Any) -> Tree:
    """Return layer.next_state(...)."""
    return external_layer.next_state(layer, state, cache.cache if isinstance(cache, HalfCache) else cache)


def widen(backend: Backend, values: Values) -> Values:
    """Return the outputs of a network of half precision in float32, as losses take them."""
    return _cast(backend, values, "float32")


def _run_backward(pass_: Callable[..., Any], layer: Layer, context: Context, cache: HalfCache, dy: Values) -> Any:
    inner = context._replace(half=None)
    return pass_(layer, inner, cache.params, cache.cache, _cast(context.backend, dy, cache.dtype))


def _cast(backend: Backend, values: Values, dtype: str) -> Values:
    """Return arrays in a type; None, where nothing reads an output, stays None."""
    if isinstance(values, tuple):
        return tuple(None if part is None else backend.asarray(part, dtype) for part in values)
    return backend.asarray(values, dtype)


def _list_dtypes(x: Values) -> tuple[str, ...]:
    arrays: tuple[Array, ...] = x if isinstance(x, tuple) else (x,)
    return tuple(map(dtype_name, arrays))


def _widen(backend: Backend, grads: Tree) -> Tree:
    return map_leaves(lambda g: backend.asarray(g, "float32"), grads)
