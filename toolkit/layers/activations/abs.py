"""Abs: each value without its sign."""

from dataclasses import dataclass
from typing import Any, ClassVar

from cnnkit.backends.protocol import Array
from cnnkit.layers.activations.elementwise import Elementwise
from cnnkit.layers.base import Context
from cnnkit.tree import Tree


@dataclass(frozen=True)
class Abs(Elementwise):
    """y = |x|; the gradient at 0 is 0."""

    half_precision: ClassVar[bool | None] = True

    def forward(self, context: Context, params: Tree, state: Tree, x: Array) -> tuple[Array, Any]:
        return context.backend.maximum(x, -x), x

    def backward(self, context: Context, params: Tree, cache: Any, dy: Array) -> tuple[Array, Tree]:
        return context.backend.where(cache > 0, dy, context.backend.where(cache < 0, -dy, 0.0)), {}
