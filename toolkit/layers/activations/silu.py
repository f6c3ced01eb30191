"""SiLU: each value times its sigmoid."""

from dataclasses import dataclass
from typing import Any

from cnnkit.backends.protocol import Array
from cnnkit.layers.activations.clipping import clip_values
from cnnkit.layers.activations.elementwise import Elementwise
from cnnkit.layers.activations.sigmoid import sigmoid
from cnnkit.layers.base import Context
from cnnkit.tree import Tree

FLAT = 1000.0  # from here on the sigmoid is 0 or 1 in float64


@dataclass(frozen=True)
class SiLU(Elementwise):
    """y = x / (1 + exp(-x)), finite for any finite x; also called Swish. Elfwing, Uchida and Doya 2017."""

    def forward(self, context: Context, params: Tree, state: Tree, x: Array) -> tuple[Array, Any]:
        y = context.backend.maximum(x, -FLAT) * sigmoid(context.backend, x)  # 0 at -infinity, not 0 * infinity
        return y, x

    def backward(self, context: Context, params: Tree, cache: Any, dy: Array) -> tuple[Array, Tree]:
        backend = context.backend
        near = clip_values(backend, cache, -FLAT, FLAT)
        gate = sigmoid(backend, near)
        return dy * (gate * (1 + near * (1 - gate))), {}
