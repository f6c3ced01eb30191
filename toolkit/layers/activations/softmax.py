"""Softmax: a sample's values become shares that sum to 1."""

from dataclasses import dataclass
from typing import Any

from cnnkit.backends.protocol import Array, Backend
from cnnkit.layers.activations.elementwise import Elementwise
from cnnkit.layers.base import Context
from cnnkit.tree import Tree


def softmax(backend: Backend, x: Array) -> Array:
    """exp(x) / sum(exp(x)) along axis 1, shifted by the maximum so that exp never overflows."""
    powers = backend.exp(x - backend.max(x, axis=1, keepdims=True))
    return powers / backend.sum(powers, axis=1, keepdims=True)


@dataclass(frozen=True)
class Softmax(Elementwise):
    """y[k] = exp(x[k]) / sum over j of exp(x[j]) along axis 1; x (N, K) or (N, C, H, W)."""

    def forward(self, context: Context, params: Tree, state: Tree, x: Array) -> tuple[Array, Any]:
        y = softmax(context.backend, x)
        return y, y

    def backward(self, context: Context, params: Tree, cache: Any, dy: Array) -> tuple[Array, Tree]:
        weighted = context.backend.sum(dy * cache, axis=1, keepdims=True)
        return (dy - weighted) * cache, {}
