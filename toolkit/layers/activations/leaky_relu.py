"""LeakyReLU: what is below zero is made small."""

from dataclasses import dataclass
from typing import Any, ClassVar

from cnnkit.backends.protocol import Array
from cnnkit.layers.activations.elementwise import Elementwise
from cnnkit.layers.base import Context
from cnnkit.layers.fields import require
from cnnkit.tree import Tree
from cnnkit.values import is_number


@dataclass(frozen=True)
class LeakyReLU(Elementwise):
    """y = x where x > 0, else slope * x."""

    slope: float = 0.01
    half_precision: ClassVar[bool | None] = True

    def __post_init__(self) -> None:
        require(is_number(self.slope), self.type, "slope", "a finite number", self.slope)

    def forward(self, context: Context, params: Tree, state: Tree, x: Array) -> tuple[Array, Any]:
        return context.backend.where(x > 0, x, x * self.slope), x

    def backward(self, context: Context, params: Tree, cache: Any, dy: Array) -> tuple[Array, Tree]:
        return context.backend.where(cache > 0, dy, dy * self.slope), {}
