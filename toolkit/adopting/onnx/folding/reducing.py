"""Sums, means and extremes of constants."""

from collections.abc import Callable
from typing import Any

import numpy as np

from cnnkit.adopting.onnx.folding.fold import Fold, FoldFunction, Table
from cnnkit.adopting.onnx.operands import Values


def _reduce(function: Callable[..., Any]) -> FoldFunction:
    """Return the fold of a function that takes axis and keepdims, as NumPy's reductions do."""

    def compute(operands: Fold) -> Values:
        x, axes = operands[0], operands.list_of("axes", 1)
        if not axes and operands.integer("noop_with_empty_axes"):
            return x
        keep = bool(operands.integer("keepdims", 1))
        return np.asarray(function(x, axis=axes or None, keepdims=keep)).astype(x.dtype, copy=False)

    return compute


def _find_extreme(function: Callable[..., Any]) -> FoldFunction:
    def compute(operands: Fold) -> Values:
        axis, keep = operands.integer("axis"), bool(operands.integer("keepdims", 1))
        return np.asarray(function(operands[0], axis=axis, keepdims=keep), np.int64)

    return compute


def _sum_up(operands: Fold) -> Values:
    axis = int(operands[1].reshape(-1)[0])
    x = np.flip(operands[0], axis) if operands.integer("reverse") else operands[0]
    y = np.cumsum(x, axis=axis, dtype=x.dtype)
    if operands.integer("exclusive"):
        y = y - x
    return np.flip(y, axis) if operands.integer("reverse") else y


REDUCING: Table = {
    "ArgMax": _find_extreme(np.argmax),
    "ArgMin": _find_extreme(np.argmin),
    "CumSum": _sum_up,
    "ReduceMax": _reduce(np.max),
    "ReduceMean": _reduce(np.mean),
    "ReduceMin": _reduce(np.min),
    "ReduceProd": _reduce(np.prod),
    "ReduceSum": _reduce(np.sum),
}
