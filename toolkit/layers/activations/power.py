"""Power: each value to the power of a constant."""

from dataclasses import dataclass
from typing import Any

from cnnkit.backends.protocol import Array
from cnnkit.layers.activations.elementwise import Elementwise
from cnnkit.layers.base import Context
from cnnkit.layers.fields import require
from cnnkit.tree import Tree
from cnnkit.values import is_number


@dataclass(frozen=True)
class Power(Elementwise):
    """y = x ** exponent; NaN for a negative x and an exponent that is no whole number."""

    exponent: float

    def __post_init__(self) -> None:
        require(is_number(self.exponent), self.type, "exponent", "a finite number", self.exponent)

    def forward(self, context: Context, params: Tree, state: Tree, x: Array) -> tuple[Array, Any]:
        return context.backend.power(x, self.exponent), x

    def backward(self, context: Context, params: Tree, cache: Any, dy: Array) -> tuple[Array, Tree]:
        if self.exponent == 0:
            return dy * 0.0, {}  # also at 0, where 0 * 0 ** -1 would be no number
        return dy * (context.backend.power(cache, self.exponent - 1) * self.exponent), {}
