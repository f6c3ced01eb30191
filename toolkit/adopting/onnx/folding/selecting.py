"""Parts of constants."""

import math
from typing import Any

import numpy as np

from cnnkit.adopting.onnx.folding.fold import Fold, FoldError, Table
from cnnkit.adopting.onnx.operands import Values


def _gather(operands: Fold) -> Values:
    x, places, axis = operands[0], operands[1], operands.integer("axis")
    operands.reserve(places.size * (x.size // max(x.shape[axis], 1)), x.dtype)
    return np.asarray(np.take(x, places, axis=axis))


def _gather_elements(operands: Fold) -> Values:
    x, places = operands[0], operands[1]
    if x.ndim == places.ndim:
        operands.reserve(math.prod(map(max, x.shape, places.shape)), x.dtype)
    return np.take_along_axis(x, places, operands.integer("axis"))


def _gather_rows(operands: Fold) -> Values:
    x, places = operands[0], operands[1]
    if operands.integer("batch_dims") or places.shape[-1] > x.ndim:
        raise FoldError("picks constants in a way that is not computed")
    operands.reserve(places.size * x.size, x.dtype)
    return np.asarray(x[tuple(np.moveaxis(places, -1, 0))])


def find_slices(shape: tuple[int, ...], starts: Any, stops: Any, axes: Any, steps: Any) -> list[slice]:
    """Return one slice for each axis, as Slice means them: Python's, but for a stop before the front with steps < 0.

    Raises FoldError where the lists do not fit.
    """
    axes = range(len(starts)) if axes is None else axes
    steps = (1,) * len(starts) if steps is None else steps
    if not len(starts) == len(stops) == len(axes) == len(steps) or 0 in steps:
        raise FoldError("starts, ends, axes and steps do not fit together")
    slices = [slice(None)] * len(shape)
    for start, stop, axis, step in zip(starts, stops, axes, steps, strict=True):
        if not -len(shape) <= axis < len(shape):
            raise FoldError(f"axis {axis} of {len(shape)} axes")
        extent = shape[axis]
        before = step < 0 and stop < -extent
        slices[axis] = slice(start, None if before else stop, step)
    return slices


def _slice(operands: Fold) -> Values:
    lists = [operands.list_of(name, index) for name, index in (("starts", 1), ("ends", 2), ("axes", 3), ("steps", 4))]
    return operands[0][tuple(find_slices(operands[0].shape, *lists))]


def _split(operands: Fold) -> list[Values]:
    x, axis, sizes = operands[0], operands.integer("axis"), operands.list_of("split", 1)
    count = len(operands.node.outputs)
    sizes = find_parts(x.shape[axis], count) if sizes is None else sizes
    if sum(sizes) != x.shape[axis] or min(sizes, default=0) < 0:
        raise FoldError(f"parts {sizes} of {x.shape[axis]}")
    return np.split(x, np.cumsum(sizes)[:-1], axis)


def find_parts(extent: int, count: int) -> tuple[int, ...]:
    """Return the extents of `count` equal parts; the last one is smaller where they do not fit."""
    size = -(-extent // max(count, 1))
    return tuple(min(size, extent - size * part) for part in range(count))


def _find_nonzero(operands: Fold) -> Values:
    return np.array(np.nonzero(operands[0]), np.int64)


def _scatter(operands: Fold) -> Values:
    x, places, updates = operands[0].copy(), operands[1], operands[2]
    if operands.attribute("reduction", "none") != "none":
        raise FoldError("adds to constants where it scatters")
    x[tuple(np.moveaxis(places, -1, 0))] = updates
    return x


SELECTING: Table = {
    "Gather": _gather,
    "GatherElements": _gather_elements,
    "GatherND": _gather_rows,
    "NonZero": _find_nonzero,
    "ScatterND": _scatter,
    "Slice": _slice,
    "Split": _split,
}
