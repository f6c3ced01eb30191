"""Flatten: the axes of a sample become one."""

import math
from dataclasses import dataclass
from typing import Any, ClassVar

from cnnkit.backends.protocol import Array, Shape
from cnnkit.layers.base import Context, Layer
from cnnkit.layers.fields import require_count
from cnnkit.tree import Tree


@dataclass(frozen=True)
class Flatten(Layer):
    """y = the numbers of each sample in one row, channels first; x (N, C, H, W), y (N, C*H*W).

    start: the first axis that is joined with those after it, N being axis 0; with 2, y is (N, C, H*W).
    """

    start: int = 1
    half_precision: ClassVar[bool | None] = True

    def __post_init__(self) -> None:
        require_count(self.type, "start", self.start)

    def output_shape(self, x_shape: Shape) -> Shape:
        if self.start > len(x_shape):
            raise self.refuse(f"(N, ...) with an axis {self.start}", x_shape, "use a smaller start")
        return (*x_shape[: self.start - 1], math.prod(x_shape[self.start - 1 :]))

    def forward(self, context: Context, params: Tree, state: Tree, x: Array) -> tuple[Array, Any]:
        return x.reshape((x.shape[0], *self.output_shape(tuple(x.shape[1:])))), x.shape

    def backward(self, context: Context, params: Tree, cache: Any, dy: Array) -> tuple[Array, Tree]:
        return dy.reshape(cache), {}
