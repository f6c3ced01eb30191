"""Clip: values are held between two bounds."""

from dataclasses import dataclass
from typing import Any

from cnnkit.backends.protocol import Array
from cnnkit.layers.activations.elementwise import Elementwise
from cnnkit.layers.base import Context
from cnnkit.layers.fields import require
from cnnkit.tree import Tree
from cnnkit.values import is_number


@dataclass(frozen=True)
class Clip(Elementwise):
    """y = min(max(x, low), high); a bound of None is none. The gradient at a bound is 1, as torch.clamp's."""

    low: float | None = None
    high: float | None = None

    def __post_init__(self) -> None:
        for field in ("low", "high"):
            bound = getattr(self, field)
            require(bound is None or is_number(bound), self.type, field, "a finite number", bound)
        if self.low is not None and self.high is not None:
            require(self.low <= self.high, self.type, "high", f"at least low (={self.low})", self.high)

    def forward(self, context: Context, params: Tree, state: Tree, x: Array) -> tuple[Array, Any]:
        backend = context.backend
        y = x if self.low is None else backend.maximum(x, self.low)
        return (y if self.high is None else backend.where(y > self.high, self.high, y)), x

    def backward(self, context: Context, params: Tree, cache: Any, dy: Array) -> tuple[Array, Tree]:
        if self.low is not None:
            dy = context.backend.where(cache >= self.low, dy, 0.0)
        return (dy if self.high is None else context.backend.where(cache <= self.high, dy, 0.0)), {}
