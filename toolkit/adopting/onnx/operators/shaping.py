"""Reshape and what amounts to it, transpositions, padding, blocks of pixels, repetitions."""

import math
from typing import Any

from cnnkit.adopting.onnx.folding import FoldError
from cnnkit.adopting.onnx.folding.reshaping import resolve_shape
from cnnkit.adopting.onnx.operands import BATCHES, FLAT, Flow, Known, Operand
from cnnkit.adopting.onnx.operation import Operation
from cnnkit.adopting.onnx.operators.conversion import Table
from cnnkit.adopting.onnx.operators.reducing import read_axes
from cnnkit.adopting.onnx.patterns import find_groups, find_shuffle
from cnnkit.backends.protocol import Shape

_MOST_COPIES = 64


def reshape(operation: Operation, x: Flow, shape: Shape) -> Flow:
    """Return x with samples of that shape."""
    if shape == x.shape:
        return x
    if math.prod(shape) != math.prod(x.shape):
        raise operation.refuse(f"makes shape {shape} of samples of shape {x.shape}, which have other numbers of values")
    while x.kind in ("Reshape", "Flatten") and operation.is_only_use(0):
        x = x.draft.inputs[0]
    if shape == x.shape:
        return x
    if len(shape) == 1:
        return operation.make("Flatten", x)
    found = find_shuffle(operation, x, shape) or find_groups(operation, x, shape)
    return found or operation.make("Reshape", x, shape=shape)


def _convert_reshape(operation: Operation) -> Flow:
    x = operation.flow()
    keeps_zero = bool(operation.integer("allowzero"))
    if operation.integer_pairs(1)[0] == (-1,):
        return operation.stand(FLAT, x)
    return reshape(operation, x, find_sample_shape(operation, x, operation.integer_pairs(1), keeps_zero))


def find_sample_shape(
    operation: Operation, x: Flow, wanted: tuple[tuple[int, ...], ...], keeps_zero: bool = False
) -> Shape:
    """Return the shape of a sample where x takes shape wanted[k] for batches of BATCHES[k].

    A file made for one size of the batch has that as a number: then the extents behind it must fit a sample.

    Raises WeightFileError where the batch does not stay the first axis.
    """
    fixed = _find_fixed_batch(operation)
    shapes = []
    for batch, numbers in zip(BATCHES, wanted, strict=True):
        for given in dict.fromkeys((batch, fixed)):
            try:
                shape = resolve_shape((given, *x.shape), numbers, keeps_zero)
            except FoldError:
                continue
            if shape and shape[0] == given:
                shapes.append(shape[1:])
                break
    if len(shapes) < len(BATCHES) or shapes[0] != shapes[1]:
        raise operation.refuse(f"gives shape {wanted[0]} to samples of shape {x.shape}, which mixes or moves the batch")
    return shapes[0]


def _find_fixed_batch(operation: Operation) -> int:
    """Return the size of the batch that the file's inputs declare, 1 where it is left open."""
    for value in operation.file.inputs:
        if value.shape and isinstance(value.shape[0], int):
            return value.shape[0]
    return 1


def _convert_flatten(operation: Operation) -> Flow:
    x = operation.flow()
    axis = operation.integer("axis", 1)
    axis = axis + x.rank if axis < 0 else axis
    if not 0 < axis <= x.rank or math.prod(x.shape[: axis - 1]) != 1:
        raise operation.refuse(f"flattens samples of shape {x.shape} from axis {axis} on, which mixes the batch")
    return reshape(operation, x, (math.prod(x.shape),))


def _convert_squeeze(operation: Operation) -> Flow:
    x, axes = operation.flow(), read_axes(operation, 13)
    if axes is None:
        axes = tuple(axis for axis in range(1, x.rank) if x.shape[axis - 1] == 1)
    axes = operation.axes(axes, x.rank)
    if any(x.shape[axis - 1] != 1 for axis in axes):
        raise operation.refuse(f"leaves out axes {axes} of samples of shape {x.shape}, which are not 1")
    return reshape(operation, x, tuple(n for axis, n in enumerate(x.shape, 1) if axis not in axes))


def _convert_unsqueeze(operation: Operation) -> Flow:
    x, axes = operation.flow(), read_axes(operation, 13)
    if not axes:
        raise operation.refuse("has no axes")
    rank = x.rank + len(axes)
    axes, own = operation.axes(axes, rank), iter(x.shape)
    return reshape(operation, x, tuple(1 if axis in axes else next(own) for axis in range(1, rank)))


def transpose(operation: Operation, x: Flow, order: tuple[int, ...]) -> Flow:
    """Return x with its axes in that order; axes of one value may stand anywhere."""
    if order[0] != 0:
        raise operation.refuse(f"moves the axis of the batch (perm {order}), which cnnkit keeps first")
    shape = tuple(x.shape[axis - 1] for axis in order[1:])
    moved = [axis for axis in order[1:] if x.shape[axis - 1] != 1]
    if moved == sorted(moved):
        return reshape(operation, x, shape)
    if x.kind == "Transpose":
        first = x.draft.layer.axes  # type: ignore[union-attr]  # a Transpose
        x, order = x.draft.inputs[0], tuple(first[axis] for axis in order)
        if order == tuple(range(x.rank)):
            return x
    return operation.make("Transpose", x, axes=order)


def _convert_pad(operation: Operation) -> Flow:
    x, mode = operation.flow(), operation.text("mode", "constant")
    if operation.version < 11:
        pads, value = operation.integers("pads") or (), operation.real("value", 0.0)
    else:
        pads = operation.integers_of(1)
        value = operation.scalar_of(2) if operation.has(2) else 0.0
    axes = tuple(range(x.rank))
    if operation.version >= 18 and operation.has(3):
        axes = tuple(operation.axis(axis, x.rank) for axis in operation.integers_of(3))
    if len(pads) != 2 * len(axes):
        raise operation.refuse(f"pads {pads} for {len(axes)} axes")
    pairs = dict.fromkeys(range(x.rank), (0, 0))
    pairs |= {axis: (pads[place], pads[place + len(axes)]) for place, axis in enumerate(axes)}
    if pairs.pop(0) != (0, 0):
        raise operation.refuse("pads the batch")
    for axis, (begin, end) in pairs.items():
        if begin < 0 or end < 0:
            stop = x.shape[axis - 1] + min(end, 0)
            x = operation.make("Slice", x, axis=axis, start=max(-begin, 0), stop=stop)
    amounts = tuple((max(begin, 0), max(end, 0)) for begin, end in pairs.values())
    if not any(map(any, amounts)):
        return x
    fields: dict[str, Any] = {"mode": mode} if mode != "constant" else {"value": value} if value else {}
    return operation.make("Pad", x, padding=amounts, **fields)


def _convert_depth_to_space(operation: Operation) -> Flow:
    mode = operation.text("mode", "DCR")
    return operation.make("DepthToSpace", operation.flow(), block=operation.integer("blocksize"), mode=mode)


def _convert_space_to_depth(operation: Operation) -> Flow:
    x, block = operation.flow(), operation.integer("blocksize")
    if operation.text("mode", "DCR") == "CRD":  # all places of a block for one channel, then for the next
        if x.rank != 4 or block < 1 or any(extent % block for extent in x.shape[1:]):
            raise operation.refuse(f"makes blocks of {block} pixels of samples of shape {x.shape}")
        channels, height, width = x.shape[0], x.shape[1] // block, x.shape[2] // block
        split = reshape(operation, x, (channels, height, block, width, block))
        return reshape(operation, transpose(operation, split, (0, 1, 3, 5, 2, 4)), (channels * block**2, height, width))
    return operation.make("SpaceToDepth", operation.flow(), block=operation.integer("blocksize"))


def _convert_tile(operation: Operation) -> Flow:
    return repeat(operation, operation.flow(), operation.integers_of(1))


def repeat(operation: Operation, x: Flow, counts: tuple[int, ...]) -> Flow:
    """Return x repeated along each of its axes."""
    if len(counts) != x.rank or counts[0] != 1 or not all(1 <= count <= _MOST_COPIES for count in counts):
        raise operation.refuse(f"repeats samples of shape {x.shape} {counts} times, the batch first")
    for axis, count in enumerate(counts):
        if count > 1:
            x = operation.make("Concatenate", (x,) * count, axis=axis)
    return x


def _convert_expand(operation: Operation) -> Flow:
    x = operation.flow()
    shapes = [(1,) * (x.rank - len(numbers)) + numbers for numbers in operation.integer_pairs(1)]
    wanted = shapes[0]
    if len(wanted) != x.rank or any(shape[0] not in (1, n) for shape, n in zip(shapes, BATCHES, strict=True)):
        raise operation.refuse(f"repeats samples of shape {x.shape} to shape {wanted}, the batch first")
    if shapes[0][1:] != shapes[1][1:]:
        raise operation.refuse("repeats samples as often as there are in the batch")
    counts = [1]
    for extent, target in zip(x.shape, wanted[1:], strict=True):
        if 1 not in (extent, target) and extent != target:
            raise operation.refuse(f"repeats samples of shape {x.shape} to shape {wanted}, the batch first")
        counts.append(target if extent == 1 else 1)
    return repeat(operation, x, tuple(counts))


def _convert_concat(operation: Operation) -> Operand:
    operands = [operation.operand(index) for index in range(len(operation.operands))]
    operands = [o for o in operands if not (isinstance(o, Known) and 0 in o.shape)]
    if any(isinstance(operand, Known) for operand in operands):
        raise operation.refuse("puts a constant beside activations, which cnnkit does not")
    flows = tuple(operand for operand in operands if isinstance(operand, Flow))
    axis = operation.axes((operation.integer("axis", 1),), flows[0].rank)[0]
    return flows[0] if len(flows) == 1 else operation.make("Concatenate", flows, axis=axis)


SHAPING_OPERATORS: Table = {
    "Concat": _convert_concat,
    "DepthToSpace": _convert_depth_to_space,
    "Expand": _convert_expand,
    "Flatten": _convert_flatten,
    "Pad": _convert_pad,
    "Reshape": _convert_reshape,
    "SpaceToDepth": _convert_space_to_depth,
    "Squeeze": _convert_squeeze,
    "Tile": _convert_tile,
    "Unsqueeze": _convert_unsqueeze,
}
