"""Sigmoid: any value to (0, 1)."""

from dataclasses import dataclass
from typing import Any

from cnnkit.backends.protocol import Array, Backend
from cnnkit.layers.base import Context
from cnnkit.layers.elementwise import Elementwise
from cnnkit.tree import Tree


def sigmoid(backend: Backend, x: Array) -> Array:
    """1 / (1 + exp(-x)), written so that exp never overflows: exp(min(x, 0)) / (1 + exp(-|x|))."""
    opposite = -x
    decay = backend.exp(-backend.maximum(x, opposite))
    return backend.exp(-backend.maximum(opposite, 0.0)) / (1 + decay)


@dataclass(frozen=True)
class Sigmoid(Elementwise):
    """y = 1 / (1 + exp(-x)), without overflow for any x."""

    def forward(self, context: Context, params: Tree, state: Tree, x: Array) -> tuple[Array, Any]:
        y = sigmoid(context.backend, x)
        return y, y

    def backward(self, context: Context, params: Tree, cache: Any, dy: Array) -> tuple[Array, Tree]:
        return dy * cache * (1 - cache), {}
