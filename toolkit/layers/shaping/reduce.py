"""Reduce: one number for all values along some axes."""

import math
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from cnnkit.backends.protocol import Array, Shape
from cnnkit.layers.base import POINTWISE, Context, Layer, Reach
from cnnkit.layers.fields import MOST_AXES, require, require_flag
from cnnkit.layers.shaping.reductions import REDUCTIONS
from cnnkit.tree import Tree
from cnnkit.values import is_count


class _Reduced(NamedTuple):
    """What backward needs: the shape of x, and what the reduction kept."""

    x_shape: Shape
    kept: Any


@dataclass(frozen=True)
class Reduce(Layer):
    """y = the mean, sum, maximum, minimum, product, sum of |x| or root of the sum of x^2 along `axes` of x (N, ...).

    kind: "mean", "sum", "max", "min", "prod", "l1", "l2". axes: counted with N as axis 0, which is never reduced.
    keepdims: whether these axes stay, of length 1. The gradient of a maximum or minimum goes to the first one in
    row-major order, where there are NaN to the last of them, as in max-pooling; that of |x| and of the root at 0 is 0.
    """

    kind: Literal["mean", "sum", "max", "min", "prod", "l1", "l2"]
    axes: tuple[int, ...]
    keepdims: bool = True

    def __post_init__(self) -> None:
        kind: object = self.kind
        require(
            isinstance(kind, str) and kind in REDUCTIONS, self.type, "kind", f"one of {', '.join(REDUCTIONS)}", kind
        )
        axes: object = self.axes
        good = isinstance(axes, tuple) and 0 < len(axes) <= MOST_AXES and all(is_count(axis, 1) for axis in axes)
        good = good and len(set(self.axes)) == len(self.axes)
        require(good, self.type, "axes", "different whole numbers >= 1, such as (2, 3)", axes)
        require_flag(self.type, "keepdims", self.keepdims)

    def output_shape(self, x_shape: Shape) -> Shape:
        if max(self.axes) > len(x_shape):
            raise self.refuse(f"(N, ...) with an axis {max(self.axes)}", x_shape, "change its axes field")
        lengths = enumerate(x_shape, 1)
        if self.keepdims:
            return tuple(1 if axis in self.axes else length for axis, length in lengths)
        return tuple(length for axis, length in lengths if axis not in self.axes)

    def reach(self, x_shape: Shape) -> Reach | None:
        return POINTWISE if self.axes == (1,) and self.keepdims else None

    def forward(self, context: Context, params: Tree, state: Tree, x: Array) -> tuple[Array, Any]:
        x_shape = tuple(x.shape)
        shape, order = (x_shape[0], *self.output_shape(x_shape[1:])), self._order(x.ndim)
        rows = context.backend.transpose(x, order).reshape(self._merge(x_shape))
        y, kept = REDUCTIONS[self.kind].forward(context.backend, rows)
        return y.reshape(shape), _Reduced(x_shape, kept)

    def backward(self, context: Context, params: Tree, cache: _Reduced, dy: Array) -> tuple[Array, Tree]:
        x_shape, order = cache.x_shape, self._order(len(cache.x_shape))
        column = dy.reshape((*self._merge(x_shape)[:-1], 1))
        drows = REDUCTIONS[self.kind].backward(context.backend, cache.kept, column)
        moved = drows.reshape(tuple(x_shape[axis] for axis in order))
        return context.backend.transpose(moved, tuple(order.index(axis) for axis in range(len(order)))), {}

    def _order(self, ndim: int) -> tuple[int, ...]:
        """Return all axes, those that are reduced last."""
        return tuple(sorted(range(ndim), key=lambda axis: (axis in self.axes, axis)))

    def _merge(self, x_shape: Shape) -> Shape:
        """Return the shape of x with the reduced axes as one, the last."""
        kept = [length for axis, length in enumerate(x_shape) if axis not in self.axes]
        return (*kept, math.prod(x_shape[axis] for axis in self.axes))
