"""ReLU: what is below zero becomes zero."""

from dataclasses import dataclass
from typing import Any, ClassVar

from cnnkit.backends.protocol import Array
from cnnkit.layers.activations.elementwise import Elementwise
from cnnkit.layers.base import Context
from cnnkit.tree import Tree


@dataclass(frozen=True)
class ReLU(Elementwise):
    """y = max(x, 0); the gradient at 0 is 0."""

    half_precision: ClassVar[bool | None] = True

    def forward(self, context: Context, params: Tree, state: Tree, x: Array) -> tuple[Array, Any]:
        y = context.backend.maximum(x, 0.0)
        return y, y

    def backward(self, context: Context, params: Tree, cache: Any, dy: Array) -> tuple[Array, Tree]:
        return dy * (cache > 0), {}
