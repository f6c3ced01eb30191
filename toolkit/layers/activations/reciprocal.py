"""Reciprocal: one over each value."""

from dataclasses import dataclass
from typing import Any

from cnnkit.backends.protocol import Array
from cnnkit.layers.activations.elementwise import Elementwise
from cnnkit.layers.base import Context
from cnnkit.tree import Tree


@dataclass(frozen=True)
class Reciprocal(Elementwise):
    """y = 1 / x; an infinity at 0."""

    def forward(self, context: Context, params: Tree, state: Tree, x: Array) -> tuple[Array, Any]:
        y = 1 / x
        return y, y

    def backward(self, context: Context, params: Tree, cache: Any, dy: Array) -> tuple[Array, Tree]:
        return -dy * cache * cache, {}
