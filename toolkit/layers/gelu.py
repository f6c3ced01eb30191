"""GELU: each value times the probability that a normal one is smaller."""

import math
from dataclasses import dataclass
from typing import Any, Literal

from cnnkit.backends.protocol import Array, Backend
from cnnkit.layers.base import Context
from cnnkit.layers.elementwise import Elementwise
from cnnkit.layers.fields import require
from cnnkit.tree import Tree


@dataclass(frozen=True)
class GELU(Elementwise):
    """y = x * P(Z <= x) for a standard normal Z, by erf; or by its tanh approximation. Hendrycks and Gimpel 2016."""

    approximate: Literal["none", "tanh"] = "none"

    def __post_init__(self) -> None:
        require(self.approximate in ("none", "tanh"), self.type, "approximate", '"none" or "tanh"', self.approximate)

    def forward(self, context: Context, params: Tree, state: Tree, x: Array) -> tuple[Array, Any]:
        return x * self._gate(context.backend, x), x

    def backward(self, context: Context, params: Tree, cache: Any, dy: Array) -> tuple[Array, Tree]:
        x, backend = cache, context.backend
        gate = self._gate(backend, x)
        if self.approximate == "tanh":
            inner = math.sqrt(2 / math.pi) * (1 + 3 * 0.044715 * x * x)
            slope = 2 * gate * (1 - gate) * inner
        else:
            slope = backend.exp(x * x * -0.5) * (1 / math.sqrt(2 * math.pi))
        return dy * (gate + x * slope), {}

    def _gate(self, backend: Backend, x: Array) -> Array:
        if self.approximate == "tanh":
            return 0.5 * (1 + backend.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x * x * x)))
        return 0.5 * (1 + backend.erf(x * (1 / math.sqrt(2))))
