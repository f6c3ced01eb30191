"""Parts of activations: Slice, Split, Gather with constant places."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from cnnkit.adopting.onnx.folding import FoldError
from cnnkit.adopting.onnx.folding.selecting import find_parts, find_slices
from cnnkit.adopting.onnx.operands import BATCHES, FLAT, Flow, Known, Operand
from cnnkit.adopting.onnx.operation import Operation
from cnnkit.adopting.onnx.operators.conversion import Table
from cnnkit.adopting.onnx.operators.shaping import reshape

_MOST_PLACES = 256


def _convert_slice(operation: Operation) -> Flow:
    x = operation.flow()
    names = ("starts", "ends", "axes")
    if operation.version < 10:
        pairs = [(operation.integers(name),) * len(BATCHES) for name in names] + [(None,) * len(BATCHES)]
    else:
        pairs = [
            operation.integer_pairs(index) if operation.has(index) else (None,) * len(BATCHES) for index in range(1, 5)
        ]
    cuts = []
    for batch, size in enumerate(BATCHES):
        lists = [pair[batch] for pair in pairs]
        if lists[0] is None or lists[1] is None:
            raise operation.refuse("has no starts and ends")
        try:
            slices = find_slices((size, *x.shape), *lists)
        except FoldError as error:
            raise operation.refuse(str(error)) from None
        first = range(size)[slices[0]]
        if first != range(size) and (first.start != 0 or first.step < 1 or slices[0].stop is None or len(first) < size):
            raise operation.refuse("takes a part of the batch")
        cuts.append([range(extent)[cut] for extent, cut in zip(x.shape, slices[1:], strict=True)])
    if cuts[0] != cuts[1]:
        raise operation.refuse("takes a part that depends on the size of the batch")
    for axis, places in enumerate(cuts[0], 1):
        x = take_range(operation, x, axis, places)
    return x


def take_range(operation: Operation, x: Flow, axis: int, places: range) -> Flow:
    """Return the values of x at these places of an axis."""
    extent = x.shape[axis - 1]
    if places == range(extent):
        return x
    if not len(places):
        raise operation.refuse("takes no value at all")
    stop = places[-1] + (1 if places.step > 0 else -1)
    fields: dict[str, Any] = {"step": places.step} if places.step != 1 else {}
    return operation.make("Slice", x, axis=axis, start=places[0], stop=stop if stop >= 0 else None, **fields)


def _convert_split(operation: Operation) -> Operand | tuple[Operand, ...]:
    x, count = operation.flow(), len(operation.node.outputs)
    axis = operation.axes((operation.integer("axis"),), x.rank)[0]
    if operation.version < 13:
        sizes = operation.integers("split")
    else:
        sizes = operation.integers_of(1) if operation.has(1) else None
    if sizes is None:
        if operation.version >= 18 and operation.integer("num_outputs", count) != count:
            raise operation.refuse(f"num_outputs {operation.integer('num_outputs')} with {count} outputs")
        sizes = find_parts(x.shape[axis - 1], count)
    if len(sizes) != count or min(sizes) < 1 or sum(sizes) != x.shape[axis - 1]:
        raise operation.refuse(f"parts {sizes} of axis {axis} of samples of shape {x.shape}")
    if count == 1:
        return x
    draft = operation.draft("Split", x, sizes=tuple(sizes), axis=axis)
    return tuple(Flow(draft, index) for index in range(count))


def _convert_gather(operation: Operation) -> Flow:
    x, axis = operation.flow(), operation.integer("axis")
    if x.kind == FLAT:
        return _gather_all(operation, x.draft.inputs[0])
    return gather(operation, x, operation.axes((axis,), x.rank)[0], operation.known(1))


def gather(operation: Operation, x: Flow, axis: int, known: Known) -> Flow:
    """Return the values of x at constant places of an axis, in the shape of the places there."""
    if known.varies or known.values.dtype.kind not in "iu" or not 0 < known.values.size <= _MOST_PLACES:
        raise operation.refuse(f"picks values at places of shape {known.shape}")
    extent = x.shape[axis - 1]
    places = [int(place) for place in known.values.reshape(-1)]
    if not all(-extent <= place < extent for place in places):
        raise operation.refuse(f"picks values at {places} of {extent}")
    rows = tuple(_split_into_ranges([place % extent for place in places]))
    parts = tuple(take_range(operation, x, axis, row) for row in rows)
    y = parts[0] if len(parts) == 1 else operation.make("Concatenate", parts, axis=axis)
    return reshape(operation, y, (*y.shape[: axis - 1], *known.shape, *y.shape[axis:]))


def _gather_all(operation: Operation, x: Flow) -> Flow:
    """Return x, of which all values lie in one row, in another shape: how torch.export writes `as_strided`."""
    places = operation.known(1)
    shapes = []
    for batch, size in enumerate(BATCHES):
        values = places.at(batch)
        count = size * math.prod(x.shape)
        if values.ndim < 2 or values.shape[0] != size or not np.array_equal(values.reshape(-1), np.arange(count)):
            raise operation.refuse("picks values of the whole batch")
        shapes.append(values.shape[1:])
    return reshape(operation, x, shapes[0])


def _split_into_ranges(places: list[int]) -> Iterator[range]:
    """Yield the places as ranges in equal steps, as long as they go."""
    start = 0
    while start < len(places):
        step = places[start + 1] - places[start] if start + 1 < len(places) else 1
        stop = start + 1
        while step and stop < len(places) and places[stop] - places[stop - 1] == step:
            stop += 1
        yield range(places[start], places[start] + (step or 1) * (stop - start), step or 1)
        start = stop


SELECTING_OPERATORS: Table = {"Gather": _convert_gather, "Slice": _convert_slice, "Split": _convert_split}
