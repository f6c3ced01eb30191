"""GELU: each value times the probability that a normal one is smaller."""

import math
from dataclasses import dataclass
from typing import Any, Literal

from cnnkit.backends.protocol import Array, Backend
from cnnkit.layers.activations.elementwise import Elementwise
from cnnkit.layers.base import Context
from cnnkit.layers.fields import require
from cnnkit.tree import Tree

FLAT = 64.0  # from here on the gate is 0 or 1 and its slope 0 in float64: exp(-64**2 / 2) is


@dataclass(frozen=True)
class GELU(Elementwise):
    """y = x * P(Z <= x) for a standard normal Z, by erf; or by its tanh approximation. Hendrycks and Gimpel 2016."""

    approximate: Literal["none", "tanh"] = "none"

    def __post_init__(self) -> None:
        require(self.approximate in ("none", "tanh"), self.type, "approximate", '"none" or "tanh"', self.approximate)

    def forward(self, context: Context, params: Tree, state: Tree, x: Array) -> tuple[Array, Any]:
        backend = context.backend
        # Far below 0 the gate is 0, which must not meet an infinity.
        return backend.maximum(x, -FLAT) * self._gate(backend, _limit(backend, x)), x

    def backward(self, context: Context, params: Tree, cache: Any, dy: Array) -> tuple[Array, Tree]:
        x, backend = cache, context.backend
        near = _limit(backend, x)
        gate = self._gate(backend, near)
        if self.approximate == "tanh":
            inner = math.sqrt(2 / math.pi) * (1 + 3 * 0.044715 * near * near)
            slope = 2 * gate * (1 - gate) * inner
        else:
            slope = backend.exp(near * near * -0.5) * (1 / math.sqrt(2 * math.pi))
        return dy * (gate + near * slope), {}

    def _gate(self, backend: Backend, near: Array) -> Array:
        if self.approximate == "tanh":
            return 0.5 * (1 + backend.tanh(math.sqrt(2 / math.pi) * (near + 0.044715 * near * near * near)))
        return 0.5 * (1 + backend.erf(near * (1 / math.sqrt(2))))


def _limit(backend: Backend, x: Array) -> Array:
    """Return x within +-FLAT: beyond that nothing changes any more, but its square and cube would overflow."""
    return backend.maximum(-backend.maximum(-x, -FLAT), -FLAT)
