"""Hardsigmoid: a straight line between 0 and 1."""

from dataclasses import dataclass
from typing import Any

from cnnkit.backends.protocol import Array
from cnnkit.layers.activations.clipping import clip_values
from cnnkit.layers.activations.elementwise import Elementwise
from cnnkit.layers.base import Context
from cnnkit.layers.fields import require
from cnnkit.tree import Tree
from cnnkit.values import is_number


@dataclass(frozen=True)
class Hardsigmoid(Elementwise):
    """y = min(max(slope * x + shift, 0), 1); the gradient is 0 where y is 0 or 1.

    PyTorch and MobileNetV3 (Howard et al. 2019) take slope 1/6, ONNX and Keras 2 take 0.2.
    """

    slope: float = 1 / 6
    shift: float = 0.5

    def __post_init__(self) -> None:
        require(is_number(self.slope), self.type, "slope", "a finite number", self.slope)
        require(is_number(self.shift), self.type, "shift", "a finite number", self.shift)

    def forward(self, context: Context, params: Tree, state: Tree, x: Array) -> tuple[Array, Any]:
        y = clip_values(context.backend, x * self.slope + self.shift, 0.0, 1.0)
        return y, y

    def backward(self, context: Context, params: Tree, cache: Any, dy: Array) -> tuple[Array, Tree]:
        return dy * self.slope * ((cache > 0) * (cache < 1)), {}
