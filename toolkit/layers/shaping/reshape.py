"""Reshape: the same numbers in another shape."""

import math
from dataclasses import dataclass
from typing import Any, ClassVar

from cnnkit.backends.protocol import Array, Shape
from cnnkit.layers.base import Context, Layer
from cnnkit.layers.fields import MOST_AXES, is_shape, require
from cnnkit.tree import Tree


@dataclass(frozen=True)
class Reshape(Layer):
    """y = the numbers of each sample in `shape` (without N); x (N, ...), y (N, *shape)."""

    shape: Shape
    half_precision: ClassVar[bool | None] = True

    def __post_init__(self) -> None:
        shape: object = self.shape
        require(
            isinstance(shape, tuple) and is_shape(shape),
            self.type,
            "shape",
            f"a tuple of at most {MOST_AXES} whole numbers >= 1, without N",
            shape,
        )

    def output_shape(self, x_shape: Shape) -> Shape:
        if math.prod(x_shape) != math.prod(self.shape):
            raise self.refuse(
                f"(N, ...) with {math.prod(self.shape)} values per sample", x_shape, "change its shape field"
            )
        return self.shape

    def forward(self, context: Context, params: Tree, state: Tree, x: Array) -> tuple[Array, Any]:
        return x.reshape((x.shape[0], *self.output_shape(x.shape[1:]))), x.shape

    def backward(self, context: Context, params: Tree, cache: Any, dy: Array) -> tuple[Array, Tree]:
        return dy.reshape(cache), {}
