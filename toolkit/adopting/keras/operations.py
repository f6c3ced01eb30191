"""Operations between the layers of a functional model, of Keras 3: arithmetic, reductions, slices."""

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from cnnkit.adopting.keras.constants import is_number, read_array
from cnnkit.adopting.keras.joining import JOINS, join
from cnnkit.adopting.keras.layer_call import LayerCall
from cnnkit.adopting.keras.normalisation import scale_values
from cnnkit.adopting.keras.shaping import convert_reshape, permute, reshape
from cnnkit.adopting.keras.values import Value
from cnnkit.exporters.core.weight_file import Array
from cnnkit.layers import Abs, Clip, Layer, Log, Power, Reciprocal, Reduce, Rescale, Slice, Split, Sqrt, Square

Handler = Callable[[LayerCall], Value | list[Value]]
Sliced = tuple[int | None, int | None, int | None]  # start, stop, step
_PLAIN: Mapping[str, Layer] = {
    "Negative": Rescale(-1.0),
    "Abs": Abs(),
    "Absolute": Abs(),
    "Square": Square(),
    "Sqrt": Sqrt(),
    "Rsqrt": Power(-0.5),
    "Log": Log(),
    "Reciprocal": Reciprocal(),
}
_REDUCTIONS: Mapping[str, Any] = {
    "Mean": "mean",
    "Sum": "sum",
    "Max": "max",
    "Amax": "max",
    "Min": "min",
    "Amin": "min",
    "Prod": "prod",
}
_ALIASES = {"TrueDivide": "Divide"}


def argument(call: LayerCall, position: int, *names: str, default: Any = None) -> Any:
    """Return an argument of an operation: by position, by keyword, or from its configuration."""
    if len(call.arguments.positional) > position:
        return call.arguments.positional[position]
    for name in names:
        for source in (call.arguments.keywords, call.fields):
            if source.get(name) is not None:
                return source[name]
    return default


def first(call: LayerCall) -> Value:
    """Return the tensor that an operation works on."""
    x = argument(call, 0, "x", "inputs", "input", "images", "features")
    if not isinstance(x, Value):
        raise call.refuse("expected a tensor as its first argument")
    return x


def _convert_binary(call: LayerCall) -> Value:
    """Two tensors, or a tensor and a constant that broadcasts over the last axes; layers take more tensors."""
    kind = _ALIASES.get(call.kind, call.kind)
    if len(call.arguments.positional) > 2:
        if call.arguments.mixed or kind in ("Subtract", "Divide"):
            raise call.refuse("expected tensors alone")
        return join(call, call.arguments.values, JOINS[kind])
    a, b = argument(call, 0, "x", "x1"), argument(call, 1, "y", "x2")
    if isinstance(a, Value) and isinstance(b, Value):
        return join(call, [a, b], JOINS[kind])
    if isinstance(a, Value):
        if b is None:  # a layer called on a list of one
            return a
        return _combine(call, kind, a, read_array(call, "constant", b))
    if isinstance(b, Value):
        return _combine_reversed(call, kind, b, read_array(call, "constant", a))
    raise call.refuse("expected a tensor among its arguments")


def _combine(call: LayerCall, kind: str, x: Value, constant: Array) -> Value:
    """Return x kind constant."""
    one, none = np.ones(()), np.zeros(())
    if kind in ("Add", "Subtract"):
        return scale_values(call, x, one, constant if kind == "Add" else -constant)
    if kind == "Multiply":
        return scale_values(call, x, constant, none)
    if kind == "Divide":
        if not constant.all():
            raise call.refuse("divides by zero")
        return scale_values(call, x, 1 / constant, none)
    if constant.size != 1:
        raise call.refuse("an extreme with a constant that is no number is not supported")
    limit = float(constant.reshape(()))
    return call.apply(Clip(low=limit) if kind == "Maximum" else Clip(high=limit), x)


def _combine_reversed(call: LayerCall, kind: str, x: Value, constant: Array) -> Value:
    """Return constant kind x."""
    if kind == "Subtract":
        return scale_values(call, x, -np.ones(()), constant)
    if kind == "Divide":
        return scale_values(call, call.apply(Reciprocal(), x, "reciprocal"), constant, np.zeros(()))
    return _combine(call, kind, x, constant)


def _convert_plain(call: LayerCall) -> Value:
    return call.apply(_PLAIN[call.kind], first(call))


def _convert_power(call: LayerCall) -> Value:
    exponent = argument(call, 1, "y", "x2")
    if not is_number(exponent):
        raise call.refuse("an exponent that is no number is not supported")
    return call.apply(call.build(Power, call.as_number("exponent", exponent)), first(call))


def _convert_clip(call: LayerCall) -> Value:
    low = argument(call, 1, "x_min", "clip_value_min", "min_value")
    high = argument(call, 2, "x_max", "clip_value_max", "max_value")
    bounds = [None if bound is None else call.as_number("bound", bound) for bound in (low, high)]
    return call.apply(call.build(Clip, *bounds), first(call))


def _convert_reduction(call: LayerCall) -> Value:
    x = call.builder.straighten(first(call))
    given = argument(call, 1, "axis")
    listed = list(range(1, x.rank + 1)) if given is None else given if isinstance(given, list) else [given]
    axes = {call.as_axis("axis", axis, x.rank) for axis in listed}
    keep = argument(call, 2, "keepdims", "keep_dims", default=False) is True
    if given is None or (len(axes) == x.rank and not keep):
        raise call.refuse("reduces a whole sample to a number, which is not supported")
    layer = Reduce(_REDUCTIONS[call.kind], tuple(sorted(x.find_axis(axis) for axis in axes)), keep)
    order = x.order if keep else drop_axes(x.order, axes)
    return call.emit(layer, x, order=order)


def drop_axes(order: Sequence[int], axes: set[int]) -> tuple[int, ...]:
    """Return the order of axes when some of Keras's axes are gone."""
    kept = [axis for axis in order if axis not in axes]
    return tuple(sorted(kept).index(axis) for axis in kept)


def _convert_transpose(call: LayerCall) -> Value:
    x, axes = call.builder.straighten(first(call)), argument(call, 1, "axes", "perm")
    if not isinstance(axes, list) or axes[:1] != [0] or sorted(map(str, axes)) != sorted(map(str, range(x.rank + 1))):
        raise call.expect("axes", f"0 and then the axes 1 to {x.rank}", axes)
    call.notes.append("the axes change their meaning alone")
    return permute(x, [int(axis) - 1 for axis in axes[1:]])


def _convert_reshape(call: LayerCall) -> Value:
    """The layer has the shape of a sample, the operation that of a batch."""
    if "target_shape" in call.fields:
        return convert_reshape(call)
    target = argument(call, 1, "newshape", "shape")
    if not isinstance(target, list) or len(target) < 2 or not all(size is None or is_number(size) for size in target):
        raise call.expect("newshape", "a list of sizes", target)
    x = first(call)
    if target[0] not in (None, -1) and math.prod(size or -1 for size in target[1:]) != math.prod(x.shape):
        raise call.refuse("a reshape across samples is not supported")
    return reshape(call, x, target[1:])


def _convert_expand(call: LayerCall) -> Value:
    x = call.builder.straighten(first(call))
    axis = call.as_axis("axis", argument(call, 1, "axis"), x.rank + 1)
    shape = (*x.shape[:axis], 1, *x.shape[axis:])
    return call.builder.reshape(call.name, x, shape, call.builder.prefer_order(x.rank + 1))


def _convert_squeeze(call: LayerCall) -> Value:
    x, given = call.builder.straighten(first(call)), argument(call, 1, "axis")
    listed = given if isinstance(given, list) else [given]
    axes = {call.as_axis("axis", axis, x.rank) for axis in listed}
    if any(x.shape[axis] != 1 for axis in axes) or len(axes) == x.rank:
        raise call.refuse(f"cannot squeeze axes {describe_axes(axes)} of {x.shape}")
    return squeeze(call, x, axes)


def describe_axes(axes: set[int]) -> str:
    """Return axes as the file counts them."""
    return ", ".join(str(axis + 1) for axis in sorted(axes))


def squeeze(call: LayerCall, x: Value, axes: set[int]) -> Value:
    """Return a sample without axes of size 1; nothing moves."""
    order = drop_axes(x.order, axes)
    stored = tuple(x.shape[axis] for axis in x.order if axis not in axes)
    shape = tuple(size for axis, size in enumerate(x.shape) if axis not in axes)
    return call.builder.restore(f"{call.name}_squeezed", x, stored, Value("", shape, order))


def _convert_slice(call: LayerCall) -> Value:
    """Slices and numbers along the axes, null for a new axis, the batch whole."""
    x, given = call.builder.straighten(first(call)), argument(call, 1, "key", "slice_spec")
    keys = _spell_out(call, given if isinstance(given, list) else [given], x.rank)
    axis, gone, shape = 0, set[int](), list[int]()
    for key in keys:
        if key is None:
            shape.append(1)
            continue
        if axis >= x.rank:
            raise call.refuse("slices more axes than there are")
        if is_number(key):
            place = call.as_integer("key", key, least=-(1 << 30))
            sliced: Sliced = place, place + 1 if place != -1 else None, None
            gone.add(axis)
        else:
            sliced = _read_slice(call, key)
        start, stop, step = sliced
        if (start or 0, stop, step or 1) != (0, None, 1):
            layer = call.build(Slice, x.find_axis(axis), start=start or 0, stop=stop, step=step or 1)
            x = call.emit(layer, x, f"axis{axis + 1}", order=x.order)
        shape += [] if axis in gone else [x.shape[axis]]
        axis += 1
    if gone:
        x = squeeze(call, x, gone)
    widened = (*shape, *x.shape[len(shape) - keys.count(None) :])
    return call.builder.reshape(f"{call.name}_widened", x, widened, call.builder.prefer_order(len(widened)))


def _spell_out(call: LayerCall, keys: list[Any], rank: int) -> list[Any]:
    """Return the keys of the axes of a sample, without that of the batch and without an ellipsis."""
    for place, key in enumerate(keys):
        if isinstance(key, dict) and key.get("class_name") == "__ellipsis__":
            sliced = len(keys) - 1 - keys.count(None)
            keys = [*keys[:place], *[{}] * (rank + 1 - sliced), *keys[place + 1 :]]
            break
    if not keys or keys[0] is None or is_number(keys[0]) or _read_slice(call, keys[0]) != (None, None, None):
        raise call.refuse("a slice of the batch is not supported")
    return keys[1:]


def _read_slice(call: LayerCall, key: Any) -> Sliced:
    inner = key.get("config", key) if isinstance(key, dict) else None
    if not isinstance(inner, dict):
        raise call.refuse("a slice that is no range is not supported")
    ends = [inner.get(name) for name in ("start", "stop", "step")]
    start, stop, step = (None if end is None else call.as_integer("slice", end, least=-(1 << 30)) for end in ends)
    if step is not None and step < 1:
        raise call.refuse("a slice that goes backwards is not supported")
    return start, stop, step


def _convert_split(call: LayerCall) -> list[Value]:
    x = call.builder.straighten(first(call))
    given = argument(call, 1, "indices_or_sections", "num_or_size_splits")
    axis = call.as_axis("axis", argument(call, 2, "axis", default=0), x.rank)
    size = x.shape[axis]
    if isinstance(given, list) and "indices_or_sections" in call.fields:
        cuts = [0, *(call.as_integer("indices", cut, least=0) for cut in given), size]
        sizes = [b - a for a, b in itertools.pairwise(cuts)]
    elif isinstance(given, list):
        sizes = [call.as_integer("sizes", part) for part in given]
    else:
        count = call.as_integer("sections", given)
        if size % count:
            raise call.refuse(f"{size} values do not divide into {count} parts")
        sizes = [size // count] * count
    if len(sizes) > size or sum(sizes) != size:
        raise call.refuse(f"parts of sizes that do not add up to {size}")
    if len(sizes) == 1:
        return [x]
    shapes = [(*x.shape[:axis], part, *x.shape[axis + 1 :]) for part in sizes]
    return call.builder.split(call.name, call.build(Split, tuple(sizes), x.find_axis(axis)), x, shapes)


def _convert_cast(call: LayerCall) -> Value:
    dtype = argument(call, 1, "dtype")
    if not isinstance(dtype, str) or "float" not in dtype:
        raise call.refuse("a cast to whole numbers is not supported")
    call.notes.append("does nothing: the network has one type of numbers")
    return first(call)


HANDLERS: Mapping[str, Handler] = {
    **dict.fromkeys(("Add", "Subtract", "Multiply", "Divide", "TrueDivide", "Maximum", "Minimum"), _convert_binary),
    **dict.fromkeys(_PLAIN, _convert_plain),
    **dict.fromkeys(_REDUCTIONS, _convert_reduction),
    "Power": _convert_power,
    "Clip": _convert_clip,
    "Transpose": _convert_transpose,
    "Reshape": _convert_reshape,
    "ExpandDims": _convert_expand,
    "Squeeze": _convert_squeeze,
    "GetItem": _convert_slice,
    "Split": _convert_split,
    "Cast": _convert_cast,
}
