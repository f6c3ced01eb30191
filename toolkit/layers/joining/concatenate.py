"""Concatenate: several values one behind the other along an axis."""

from dataclasses import dataclass
from typing import Any, ClassVar

from cnnkit.backends.protocol import Array, Shape
from cnnkit.errors import ShapeError
from cnnkit.layers.base import Context, Layer, Shapes, Values, with_batch
from cnnkit.layers.fields import require_count
from cnnkit.layers.joining.join import require_shapes
from cnnkit.tree import Tree


@dataclass(frozen=True)
class Concatenate(Layer):
    """y = the inputs joined along `axis`, 1 being the channels; their other axes are equally long.

    x: a tuple of arrays.
    """

    axis: int = 1
    half_precision: ClassVar[bool | None] = True

    def __post_init__(self) -> None:
        require_count(self.type, "axis", self.axis)

    @property
    def input_count(self) -> int | None:
        return None

    def output_shape(self, x_shape: Shapes) -> Shape:
        shapes, at = require_shapes(self.type, x_shape, "at least 1", 1, None), self.axis - 1
        first = shapes[0]
        others = [(*shape[:at], *shape[at + 1 :]) for shape in shapes]
        if at >= len(first) or any(len(s) != len(first) for s in shapes) or any(other != others[0] for other in others):
            problem = f"expected inputs that differ along axis {self.axis} only, got {with_batch(shapes)}"
            raise ShapeError(self.type, problem, "give the layers before it the same stride, and padding='same'")
        return (*first[:at], sum(shape[at] for shape in shapes), *first[at + 1 :])

    def forward(self, context: Context, params: Tree, state: Tree, x: Values) -> tuple[Array, Any]:
        return context.backend.concatenate(x, axis=self.axis), tuple(part.shape[self.axis] for part in x)

    def backward(self, context: Context, params: Tree, cache: Any, dy: Array) -> tuple[Values, Tree]:
        return cut(dy, cache, self.axis), {}


def cut(x: Array, lengths: tuple[int, ...], axis: int) -> tuple[Array, ...]:
    """Return the pieces of x with these lengths along an axis."""
    pieces, start = [], 0
    for length in lengths:
        pieces.append(x[(slice(None),) * axis + (slice(start, start + length),)])
        start += length
    return tuple(pieces)
