"""Tanh: any value to (-1, 1)."""

from dataclasses import dataclass
from typing import Any

from cnnkit.backends.protocol import Array
from cnnkit.layers.activations.elementwise import Elementwise
from cnnkit.layers.base import Context
from cnnkit.tree import Tree


@dataclass(frozen=True)
class Tanh(Elementwise):
    """y = tanh(x)."""

    def forward(self, context: Context, params: Tree, state: Tree, x: Array) -> tuple[Array, Any]:
        y = context.backend.tanh(x)
        return y, y

    def backward(self, context: Context, params: Tree, cache: Any, dy: Array) -> tuple[Array, Tree]:
        return dy * (1 - cache * cache), {}
