"""Pad: adds edges, of a value or of what the image holds."""

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from cnnkit.backends.protocol import Array, Pair, Shape
from cnnkit.layers.base import Context, Layer, Reach, moved_reach
from cnnkit.layers.fields import require
from cnnkit.layers.shaping.along_axis import Indices, cut, frame, select, select_gradient
from cnnkit.layers.shaping.sides import Sides, require_sides, resolve_sides
from cnnkit.tree import Tree
from cnnkit.values import is_number

MODES = ("constant", "reflect", "edge", "wrap")


@dataclass(frozen=True)
class Pad(Layer):
    """y = x with edges around it; x (N, C, H, W), y (N, C, top + H + bottom, left + W + right).

    padding: a number for both ends of each spatial axis, one number for each spatial axis, or one (begin, end) for each
    spatial axis, or for each axis of a sample; none is negative: Crop cuts off.
    mode: what the edges hold: "constant" is `value`; "reflect" the image mirrored at its last pixel, which is not
    repeated; "edge" its last pixel; "wrap" the image from its other end. As numpy.pad names them. The gradient of a
    pixel is the sum over its copies.
    """

    padding: Sides
    mode: Literal["constant", "reflect", "edge", "wrap"] = "constant"
    value: float = 0.0
    half_precision: ClassVar[bool | None] = True

    def __post_init__(self) -> None:
        require_sides(self.type, "padding", self.padding)
        mode: object = self.mode
        require(isinstance(mode, str) and mode in MODES, self.type, "mode", " or ".join(map(repr, MODES)), mode)
        require(is_number(self.value), self.type, "value", "a number", self.value)

    def output_shape(self, x_shape: Shape) -> Shape:
        return tuple(length + begin + end for length, (begin, end) in zip(x_shape, self._sides(x_shape), strict=True))

    def _sides(self, x_shape: Shape) -> tuple[Pair, ...]:
        sides = resolve_sides(self, self.padding, x_shape)
        if self.mode == "reflect" and any(max(side) >= length for length, side in zip(x_shape, sides, strict=True)):
            hint = "an image has no more pixels to mirror"
            raise self.refuse(f"(N, ...) with axes longer than their padding (={sides})", x_shape, hint)
        return sides

    def reach(self, x_shape: Shape) -> Reach | None:
        begins = tuple(begin for begin, _ in self._sides(x_shape)[1:])
        return None if self.mode == "wrap" else moved_reach(begins)

    def forward(self, context: Context, params: Tree, state: Tree, x: Array) -> tuple[Array, Any]:
        x_shape, y = tuple(x.shape[1:]), x
        for axis, (begin, end) in enumerate(self._sides(x_shape), 1):
            if self.mode == "constant":
                y = frame(context.backend, y, axis, begin, end, self.value)
            elif begin or end:
                y = select(context.backend, y, axis, self._source(x_shape[axis - 1], begin, end))
        return y, x_shape

    def backward(self, context: Context, params: Tree, cache: Any, dy: Array) -> tuple[Array, Tree]:
        for axis, (begin, end) in enumerate(self._sides(cache), 1):
            length = cache[axis - 1]
            if self.mode == "constant":
                dy = cut(dy, axis, begin, begin + length) if begin or end else dy
            elif begin or end:
                dy = select_gradient(context.backend, dy, axis, self._source(length, begin, end), length)
        return dy, {}

    def _source(self, length: int, begin: int, end: int) -> Indices:
        """Return from which pixel of an axis each pixel of the result comes."""
        places = range(-begin, length + end)
        if self.mode == "edge":
            return tuple(min(max(place, 0), length - 1) for place in places)
        if self.mode == "wrap":
            return tuple(place % length for place in places)
        return tuple(length - 1 - abs(length - 1 - abs(place)) for place in places)
