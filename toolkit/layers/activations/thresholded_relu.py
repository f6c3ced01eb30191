"""ThresholdedReLU: what is not above a threshold becomes zero."""

from dataclasses import dataclass
from typing import Any

from cnnkit.backends.protocol import Array
from cnnkit.layers.activations.elementwise import Elementwise
from cnnkit.layers.base import Context
from cnnkit.layers.fields import require
from cnnkit.tree import Tree
from cnnkit.values import is_number


@dataclass(frozen=True)
class ThresholdedReLU(Elementwise):
    """y = x where x > threshold, else 0; the gradient at the threshold is 0. Konda, Memisevic and Krueger 2014."""

    threshold: float = 1.0

    def __post_init__(self) -> None:
        require(is_number(self.threshold), self.type, "threshold", "a finite number", self.threshold)

    def forward(self, context: Context, params: Tree, state: Tree, x: Array) -> tuple[Array, Any]:
        above = x > self.threshold
        return context.backend.where(above, x, 0.0), above

    def backward(self, context: Context, params: Tree, cache: Any, dy: Array) -> tuple[Array, Tree]:
        return context.backend.where(cache, dy, 0.0), {}
