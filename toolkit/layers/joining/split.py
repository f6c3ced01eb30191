"""Split: one value in several pieces along an axis."""

from dataclasses import dataclass
from typing import Any, ClassVar

from cnnkit.backends.protocol import Array, Shape
from cnnkit.contracts import dtype_name
from cnnkit.layers.base import Context, Layer, Shapes, Values
from cnnkit.layers.fields import require, require_count
from cnnkit.layers.joining.concatenate import cut
from cnnkit.tree import Tree
from cnnkit.values import is_count


@dataclass(frozen=True)
class Split(Layer):
    """y = the pieces of x with `sizes` along `axis`, 1 being the channels: a tuple of arrays."""

    sizes: tuple[int, ...]
    axis: int = 1
    half_precision: ClassVar[bool | None] = True

    def __post_init__(self) -> None:
        sizes: Any = self.sizes  # as a file has it
        counted = isinstance(sizes, tuple | list) and len(sizes) > 0 and all(is_count(size, 1) for size in sizes)
        require(counted, self.type, "sizes", "whole numbers >= 1", self.sizes)
        require_count(self.type, "axis", self.axis)
        object.__setattr__(self, "sizes", tuple(self.sizes))

    @property
    def output_count(self) -> int:
        return len(self.sizes)

    def output_shape(self, x_shape: Shape) -> Shapes:
        at, total = self.axis - 1, sum(self.sizes)
        if at >= len(x_shape) or x_shape[at] != total:
            raise self.refuse(f"with axis {self.axis} of length {total}, the sum of sizes", x_shape)
        shapes = tuple((*x_shape[:at], size, *x_shape[at + 1 :]) for size in self.sizes)
        return shapes[0] if len(shapes) == 1 else shapes

    def forward(self, context: Context, params: Tree, state: Tree, x: Array) -> tuple[Values, Any]:
        pieces = cut(x, self.sizes, self.axis)
        return (pieces[0] if len(pieces) == 1 else pieces), x.shape

    def backward(self, context: Context, params: Tree, cache: Any, dy: Values) -> tuple[Array, Tree]:
        given = (dy,) if self.output_count == 1 else dy
        dtype = next(dtype_name(part) for part in given if part is not None)
        parts = []
        for size, part in zip(self.sizes, given, strict=True):  # None: nothing reads this piece
            shape = (*cache[: self.axis], size, *cache[self.axis + 1 :])
            parts.append(context.backend.zeros(shape, dtype) if part is None else part)
        return context.backend.concatenate(parts, axis=self.axis), {}
