"""Sigmoid: any value to (0, 1)."""

from dataclasses import dataclass
from typing import Any

from cnnkit.backends.protocol import Array, Backend
from cnnkit.layers.activations.elementwise import Elementwise
from cnnkit.layers.base import Context
from cnnkit.tree import Tree


def sigmoid(backend: Backend, x: Array) -> Array:
    """1 / (1 + exp(-x)). Where exp overflows to infinity the result is 0, as it should be."""
    return 1 / (1 + backend.exp(-x))


@dataclass(frozen=True)
class Sigmoid(Elementwise):
    """y = 1 / (1 + exp(-x)), finite for any x."""

    def forward(self, context: Context, params: Tree, state: Tree, x: Array) -> tuple[Array, Any]:
        y = sigmoid(context.backend, x)
        return y, y

    def backward(self, context: Context, params: Tree, cache: Any, dy: Array) -> tuple[Array, Tree]:
        return dy * cache * (1 - cache), {}
