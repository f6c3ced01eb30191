"""Operations of Keras 3 on images between the layers of a functional model: padding, resizing, pooling, stacking."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from cnnkit.adopting.keras import pooling
from cnnkit.adopting.keras.arguments import Arguments
from cnnkit.adopting.keras.joining import JOINS, concatenate, join
from cnnkit.adopting.keras.layer_call import LayerCall
from cnnkit.adopting.keras.operations import argument, first
from cnnkit.adopting.keras.resizing import move_depth, read_mode, resize
from cnnkit.adopting.keras.values import Value
from cnnkit.layers import Pad, Rescale

_MODES = {"constant": "constant", "reflect": "reflect"}


def _convert_pad(call: LayerCall) -> Value:
    """One (begin, end) for each axis, the batch's (0, 0); or one for all of them."""
    x, given = call.builder.straighten(first(call)), argument(call, 1, "pad_width")
    mode = argument(call, 2, "mode", default="constant")
    if not isinstance(mode, str) or mode not in _MODES:
        raise call.expect("mode", " or ".join(_MODES), mode)
    value = call.as_number("constant_values", argument(call, 3, "constant_values", default=0.0))
    if not isinstance(given, list) or len(given) != x.rank + 1 or not all(isinstance(p, list) for p in given):
        raise call.expect("pad_width", f"a pair for each of {x.rank + 1} axes", given)
    pairs = [[call.as_integer("pad_width", size, least=0) for size in pair] for pair in given]
    if any(len(pair) != 2 for pair in pairs) or pairs[0] != [0, 0]:
        raise call.expect("pad_width", "pairs, and nothing before or behind the batch", given)
    sides = tuple((pairs[axis + 1][0], pairs[axis + 1][1]) for axis in x.order)
    return call.emit(call.build(Pad, sides, mode=_MODES[mode], value=value), x, order=x.order)


def _convert_resize(call: LayerCall) -> Value:
    for name in ("crop_to_aspect_ratio", "pad_to_aspect_ratio", "antialias"):
        if argument(call, 9, name, default=False):
            raise call.refuse(f"{name} is not supported")
    height, width = call.sizes("size", 2)
    mode = read_mode(call, argument(call, 2, "interpolation", default="bilinear"))
    return resize(_alone(call), (height, width), mode)


def _convert_depth(call: LayerCall) -> Value:
    block = call.as_integer("block_size", argument(call, 1, "block_size"))
    return move_depth(_alone(call), block, call.kind == "DepthToSpace")


def _convert_pool(call: LayerCall) -> Value:
    name = "MaxPooling" if call.kind == "MaxPool" else "AveragePooling"
    handler = pooling.HANDLERS.get(f"{name}{first(call).rank - 1}D")
    if handler is None:
        raise call.refuse("expected an input with one to three axes of space")
    return handler(_alone(call))


def _alone(call: LayerCall) -> LayerCall:
    """Return a call with the tensor alone."""
    return replace(call, arguments=Arguments((first(call),)))


def _convert_stack(call: LayerCall) -> Value:
    """Tensors one behind the other along a new axis."""
    values = [call.builder.straighten(value) for value in call.arguments.values]
    if not values or call.arguments.mixed or len({value.shape for value in values}) != 1:
        raise call.refuse("expected tensors of one shape")
    rank = values[0].rank + 1
    axis = call.as_axis("axis", call.get("axis", 0), rank)
    shape = (*values[0].shape[:axis], 1, *values[0].shape[axis:])
    order = call.builder.prefer_order(rank)
    wide = [call.builder.reshape(f"{call.name}_widened", value, shape, order) for value in values]
    return concatenate(call, wide, axis)


def _convert_scaled_sum(call: LayerCall) -> Value:
    """The first tensor and `scale` times the second: InceptionResNetV2's own layer."""
    values = call.arguments.values
    if len(values) != 2 or call.arguments.mixed:
        raise call.refuse(f"expected 2 inputs, got {len(values)}")
    scaled = call.apply(call.build(Rescale, call.number("scale")), values[1], "scaled")
    return join(call, [values[0], scaled], JOINS["Add"])


HANDLERS: Mapping[str, Callable[[LayerCall], Value]] = {
    "Pad": _convert_pad,
    "Resize": _convert_resize,
    "DepthToSpace": _convert_depth,
    "SpaceToDepth": _convert_depth,
    "MaxPool": _convert_pool,
    "AveragePool": _convert_pool,
    "Stack": _convert_stack,
    "CustomScaleLayer": _convert_scaled_sum,
}
