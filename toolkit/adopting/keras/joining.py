"""Layers of Keras with several inputs: sums, products, means, extremes, concatenation."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from cnnkit.adopting.keras.layer_call import LayerCall
from cnnkit.adopting.keras.values import FlattenedTensor, Value
from cnnkit.layers import Add, Average, Concatenate, Divide, Layer, Maximum, Minimum, Multiply, Subtract

JOINS: Mapping[str, Layer] = {
    "Add": Add(),
    "Subtract": Subtract(),
    "Multiply": Multiply(),
    "Divide": Divide(),
    "Average": Average(),
    "Maximum": Maximum(),
    "Minimum": Minimum(),
}
_MERGES = {"sum": "Add", "mul": "Multiply", "ave": "Average", "max": "Maximum"}


def join(call: LayerCall, values: Sequence[Value], layer: Layer, part: str = "") -> Value:
    """Return what an elementwise join makes of its inputs; those with fewer axes get axes of 1 behind the batch."""
    if len(values) == 1:
        return values[0]
    if not values:
        raise call.refuse("expected several inputs, got none")
    rank = max(value.rank for value in values)
    alike = all(value.blocks == values[0].blocks for value in values)
    if rank == 1 and alike and len({value.shape for value in values}) == 1:
        return replace(call.emit(layer, values, part), blocks=values[0].blocks)
    values = [call.builder.straighten(value) for value in values]
    order = next(value.order for value in values if value.rank == rank)
    wide = []
    for value in values:
        if value.rank < rank:
            shape = (1,) * (rank - value.rank) + value.shape
            wide.append(call.builder.reshape(f"{call.name}_widened", value, shape, order))
        else:
            wide.append(value)
    wide = [call.builder.arrange(value, order) for value in wide]
    return call.emit(layer, wide, part, order=order)


def concatenate(call: LayerCall, values: Sequence[Value], axis: int) -> Value:
    """Return the inputs one after the other along an axis of the sample."""
    if len(values) == 1:
        return values[0]
    if len({value.rank for value in values}) != 1:
        raise call.refuse("expected inputs with the same number of axes")
    if values[0].rank == 1:
        y = call.emit(Concatenate(), values, order=(0,))
        if not any(value.blocks for value in values):
            return y
        blocks = [value.blocks or (FlattenedTensor(value.shape, (0,)),) for value in values]
        return replace(y, blocks=tuple(block for several in blocks for block in several))
    order = values[0].order
    arranged = [call.builder.arrange(value, order) for value in values]
    return call.emit(Concatenate(arranged[0].find_axis(axis)), arranged, order=order)


def convert_join(call: LayerCall) -> Value:
    """Join inputs that are all tensors."""
    if call.arguments.mixed:
        raise call.refuse("expected tensors, got a constant among them")
    if call.kind == "Subtract" and len(call.arguments.values) != 2:
        raise call.refuse(f"expected 2 inputs, got {len(call.arguments.values)}")
    return join(call, call.arguments.values, JOINS[call.kind])


def convert_concatenate(call: LayerCall) -> Value:
    """Join along the field axis, by default the last one."""
    values = call.arguments.values
    if not values or call.arguments.mixed:
        raise call.refuse("expected tensors")
    return concatenate(call, values, call.axis("axis", -1, values[0].rank))


def _convert_merge(call: LayerCall) -> Value:
    """Keras 1's layer for all of them; a function as its mode is code."""
    mode, values = call.get("mode", "sum"), call.arguments.values
    if not values:
        raise call.refuse("merges models of its own, which is not supported")
    if mode == "concat":
        return concatenate(call, values, call.axis("concat_axis", -1, values[0].rank))
    if not isinstance(mode, str) or mode not in _MERGES:
        raise call.refuse("mode: only sum, mul, ave, max and concat are supported", "refused")
    return join(call, values, JOINS[_MERGES[mode]])


HANDLERS: Mapping[str, Callable[[LayerCall], Value]] = {
    "Average": convert_join,
    "Concatenate": convert_concatenate,
    "Merge": _convert_merge,
}
