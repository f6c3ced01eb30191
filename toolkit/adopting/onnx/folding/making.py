"""Constants that are made from a few numbers: ranges, filled arrays, repetitions."""

import math

import numpy as np

from cnnkit.adopting.onnx.folding.fold import Fold, FoldError, Table, as_tensor, read_list
from cnnkit.adopting.onnx.operands import Values
from cnnkit.files.extents import count_bytes


def _fill(operands: Fold) -> Values:
    """ConstantOfShape: one number, repeated as a view that takes no memory until it becomes a weight."""
    value = operands.attribute("value")
    single = np.zeros(1, np.float32) if value is None else as_tensor(value).read()
    shape = read_list(operands[0])
    count_bytes(list(shape), single.itemsize)
    if single.size != 1:
        raise FoldError("repeats more than one number")
    return np.broadcast_to(single.reshape((1,) * len(shape)), shape)


def _count_up(operands: Fold) -> Values:
    start, limit, step = (operands[index].reshape(-1)[0] for index in range(3))
    count = math.ceil((float(limit) - float(start)) / float(step))
    operands.reserve(max(count, 0), operands[0].dtype)
    return np.arange(start, limit, step, dtype=operands[0].dtype)


def _expand(operands: Fold) -> Values:
    x, wanted = operands[0], read_list(operands[1])
    shape = np.broadcast_shapes(x.shape, wanted)
    count_bytes(list(map(int, shape)), x.itemsize)
    return np.broadcast_to(x, shape)


def _tile(operands: Fold) -> Values:
    x, repeats = operands[0], read_list(operands[1])
    if len(repeats) != x.ndim or any(repeat < 0 for repeat in repeats):
        raise FoldError(f"repeats {repeats} of {x.ndim} axes")
    operands.reserve(x.size * math.prod(repeats), x.dtype)
    return np.tile(x, repeats)


def _concatenate(operands: Fold) -> Values:
    arrays = [operands[index] for index in range(len(operands.inputs))]
    operands.reserve(sum(array.nbytes for array in arrays), np.dtype(np.uint8))
    return np.concatenate(arrays, operands.integer("axis"))


def _pad(operands: Fold) -> Values:
    x, amounts = operands[0], operands.list_of("pads", 1)
    if amounts is None or len(amounts) != 2 * x.ndim or operands.has(3) or min(amounts, default=0) < 0:
        raise FoldError("pads constants in a way that is not computed")
    if operands.attribute("mode", "constant") != "constant":
        raise FoldError("pads constants otherwise than with one number")
    value = operands[2].reshape(-1)[0] if operands.has(2) else operands.attribute("value", 0)
    pairs = [(amounts[axis], amounts[axis + x.ndim]) for axis in range(x.ndim)]
    operands.reserve(math.prod(n + sum(pair) for n, pair in zip(x.shape, pairs, strict=True)), x.dtype)
    return np.pad(x, pairs, constant_values=value)


def _multiply(operands: Fold) -> Values:
    x, y = operands[0], operands[1]
    columns = y.shape[-1] if y.ndim > 1 else 1
    if x.ndim > 2 or y.ndim > 2 or x.size * columns > 1 << 28:
        raise FoldError("multiplies constants that are too large for that")
    operands.reserve(x.size * columns // 8, np.dtype(np.uint8))  # what takes as long as to make so many bytes
    operands.reserve((x.shape[0] if x.ndim > 1 else 1) * columns, x.dtype)
    return np.asarray(np.matmul(x, y))


MAKING: Table = {
    "Concat": _concatenate,
    "ConstantOfShape": _fill,
    "Expand": _expand,
    "MatMul": _multiply,
    "Pad": _pad,
    "Range": _count_up,
    "Tile": _tile,
}
