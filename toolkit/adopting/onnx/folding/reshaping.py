"""Constants in other shapes."""

import math

import numpy as np

from cnnkit.adopting.onnx.folding.fold import Fold, FoldError, Table, read_list
from cnnkit.adopting.onnx.operands import Values


def resolve_shape(shape: tuple[int, ...], wanted: tuple[int, ...], keeps_zero: bool) -> tuple[int, ...]:
    """Return the shape that Reshape gives to an array of `shape`: 0 copies an extent, -1 takes what is left.

    keeps_zero: 0 is an extent of 0 (attribute allowzero). Raises FoldError where the numbers do not fit.
    """
    extents = [
        shape[axis] if extent == 0 and not keeps_zero and axis < len(shape) else extent
        for axis, extent in enumerate(wanted)
    ]
    known = math.prod(extent for extent in extents if extent != -1)
    count = math.prod(shape)
    if extents.count(-1) == 1 and known > 0 and count % known == 0:
        extents[extents.index(-1)] = count // known
    if math.prod(extents) != count or any(extent < 0 for extent in extents):
        raise FoldError(f"shape {wanted} does not fit {shape}")
    return tuple(extents)


def _reshape(operands: Fold) -> Values:
    x, wanted = operands[0], operands.list_of("shape", 1)
    shape = resolve_shape(x.shape, wanted or (), bool(operands.integer("allowzero")))
    if x.size and not any(x.strides):
        return np.broadcast_to(x.reshape(-1)[:1].reshape((1,) * len(shape)), shape)
    return x.reshape(shape)


def _flatten(operands: Fold) -> Values:
    x, axis = operands[0], operands.integer("axis", 1)
    axis = axis + x.ndim if axis < 0 else axis
    return x.reshape((math.prod(x.shape[:axis]), math.prod(x.shape[axis:])))


def _squeeze(operands: Fold) -> Values:
    axes = operands.list_of("axes", 1)
    return np.squeeze(operands[0], axes)


def _unsqueeze(operands: Fold) -> Values:
    axes = operands.list_of("axes", 1)
    if axes is None:
        raise FoldError("has no axes")
    return np.expand_dims(operands[0], axes)


def _transpose(operands: Fold) -> Values:
    return np.transpose(operands[0], operands.list_of("perm", 1))


def _tell_shape(operands: Fold) -> Values:
    shape = operands[0].shape
    return np.array(shape[operands.integer("start") : operands.attribute("end")], np.int64)


RESHAPING: Table = {
    "Flatten": _flatten,
    "Reshape": _reshape,
    "Shape": _tell_shape,
    "Size": lambda operands: np.asarray(operands[0].size, np.int64),
    "Squeeze": _squeeze,
    "Transpose": _transpose,
    "Unsqueeze": _unsqueeze,
}

__all__ = ["RESHAPING", "read_list", "resolve_shape"]
