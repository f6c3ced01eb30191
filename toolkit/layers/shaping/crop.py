"""Crop: cuts off the edges."""

from dataclasses import dataclass
from typing import Any, ClassVar

from cnnkit.backends.protocol import Array, Shape
from cnnkit.layers.base import Context, Layer, Reach, moved_reach
from cnnkit.layers.shaping.along_axis import cut, frame
from cnnkit.layers.shaping.sides import Sides, require_sides, resolve_sides
from cnnkit.tree import Tree


@dataclass(frozen=True)
class Crop(Layer):
    """y = x without its edges; x (N, C, H, W), y (N, C, H - top - bottom, W - left - right).

    cropping: a number for both ends of each spatial axis, one number for each spatial axis, or one (begin, end) for
    each spatial axis, or for each axis of a sample.
    """

    cropping: Sides
    half_precision: ClassVar[bool | None] = True

    def __post_init__(self) -> None:
        require_sides(self.type, "cropping", self.cropping)

    def output_shape(self, x_shape: Shape) -> Shape:
        sides = resolve_sides(self, self.cropping, x_shape)
        shape = tuple(length - begin - end for length, (begin, end) in zip(x_shape, sides, strict=True))
        if min(shape) < 1:
            raise self.refuse("(N, ...) of which cropping leaves something", x_shape, f"it cuts off {sides}")
        return shape

    def reach(self, x_shape: Shape) -> Reach:
        return moved_reach(tuple(-begin for begin, _ in resolve_sides(self, self.cropping, x_shape)[1:]))

    def forward(self, context: Context, params: Tree, state: Tree, x: Array) -> tuple[Array, Any]:
        y, x_shape = x, tuple(x.shape[1:])
        self.output_shape(x_shape)
        for axis, (begin, end) in enumerate(resolve_sides(self, self.cropping, x_shape), 1):
            if begin or end:
                y = cut(y, axis, begin, y.shape[axis] - end)
        return y, x_shape

    def backward(self, context: Context, params: Tree, cache: Any, dy: Array) -> tuple[Array, Tree]:
        for axis, (begin, end) in enumerate(resolve_sides(self, self.cropping, cache), 1):
            dy = frame(context.backend, dy, axis, begin, end)
        return dy, {}
