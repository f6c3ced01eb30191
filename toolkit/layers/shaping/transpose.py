"""Transpose: the axes of a sample in another order."""

from dataclasses import dataclass
from typing import Any, ClassVar

from cnnkit.backends.protocol import Array, Shape
from cnnkit.layers.base import Context, Layer
from cnnkit.layers.fields import MOST_AXES, require
from cnnkit.tree import Tree
from cnnkit.values import is_count


@dataclass(frozen=True)
class Transpose(Layer):
    """y[n, i_axes[1], i_axes[2], ...] = x[n, i_1, i_2, ...]: axis k of y is axis axes[k] of x.

    axes: the order of all axes, N first: (0, 2, 3, 1) makes (N, H, W, C) of (N, C, H, W).
    """

    axes: tuple[int, ...]
    half_precision: ClassVar[bool | None] = True

    def __post_init__(self) -> None:
        axes: object = self.axes
        good = (
            isinstance(axes, tuple)
            and 1 < len(axes) <= MOST_AXES + 1
            and all(is_count(axis) for axis in axes)
            and sorted(axes) == list(range(len(axes)))
            and axes[0] == 0
        )
        require(good, self.type, "axes", "an order of all axes that begins with 0, such as (0, 2, 3, 1)", axes)

    def output_shape(self, x_shape: Shape) -> Shape:
        if len(x_shape) != len(self.axes) - 1:
            raise self.refuse(f"(N, ...) with {len(self.axes)} axes", x_shape, "change its axes field")
        return tuple(x_shape[axis - 1] for axis in self.axes[1:])

    def reach(self, x_shape: Shape) -> None:
        return None

    def forward(self, context: Context, params: Tree, state: Tree, x: Array) -> tuple[Array, Any]:
        self.output_shape(tuple(x.shape[1:]))
        return context.backend.transpose(x, self.axes), None

    def backward(self, context: Context, params: Tree, cache: Any, dy: Array) -> tuple[Array, Tree]:
        back = tuple(self.axes.index(axis) for axis in range(len(self.axes)))
        return context.backend.transpose(dy, back), {}
