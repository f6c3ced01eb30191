"""Softsign: any value to (-1, 1), slower than tanh."""

from dataclasses import dataclass
from typing import Any

from cnnkit.backends.protocol import Array
from cnnkit.layers.activations.clipping import clip_values
from cnnkit.layers.activations.elementwise import Elementwise
from cnnkit.layers.base import Context
from cnnkit.tree import Tree

LARGE = 1e30  # from here on y is -1 or 1 in float64; an infinity over another one would be no number


@dataclass(frozen=True)
class Softsign(Elementwise):
    """y = x / (1 + |x|). Bergstra et al. 2009."""

    def forward(self, context: Context, params: Tree, state: Tree, x: Array) -> tuple[Array, Any]:
        near = clip_values(context.backend, x, -LARGE, LARGE)
        size = 1 + context.backend.maximum(near, -near)
        return near / size, size

    def backward(self, context: Context, params: Tree, cache: Any, dy: Array) -> tuple[Array, Tree]:
        return dy / cache / cache, {}
