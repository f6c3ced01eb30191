"""Rescale: multiplies by a fixed number and adds another."""

from dataclasses import dataclass
from typing import Any

from cnnkit.backends.protocol import Array, Shape
from cnnkit.layers.base import Context, Layer
from cnnkit.layers.fields import require
from cnnkit.tree import Tree
from cnnkit.values import is_number


@dataclass(frozen=True)
class Rescale(Layer):
    """y = factor * x + shift; x and y (N, ...). Both are fixed: Rescale(1 / 255) brings bytes into [0, 1]."""

    factor: float = 1.0
    shift: float = 0.0

    def __post_init__(self) -> None:
        require(is_number(self.factor), self.type, "factor", "a number", self.factor)
        require(is_number(self.shift), self.type, "shift", "a number", self.shift)

    def output_shape(self, x_shape: Shape) -> Shape:
        return x_shape

    def forward(self, context: Context, params: Tree, state: Tree, x: Array) -> tuple[Array, Any]:
        return x * self.factor + self.shift, None

    def backward(self, context: Context, params: Tree, cache: Any, dy: Array) -> tuple[Array, Tree]:
        return dy * self.factor, {}
