"""Softplus: a smooth ReLU."""

from dataclasses import dataclass
from typing import Any

from cnnkit.backends.protocol import Array
from cnnkit.layers.activations.elementwise import Elementwise
from cnnkit.layers.activations.sigmoid import sigmoid
from cnnkit.layers.base import Context
from cnnkit.tree import Tree


@dataclass(frozen=True)
class Softplus(Elementwise):
    """y = log(1 + exp(x)), as max(x, 0) + log(1 + exp(-|x|)), which cannot overflow. Dugas et al. 2001."""

    def forward(self, context: Context, params: Tree, state: Tree, x: Array) -> tuple[Array, Any]:
        backend = context.backend
        return backend.maximum(x, 0.0) + backend.log1p(backend.exp(-backend.maximum(x, -x))), x

    def backward(self, context: Context, params: Tree, cache: Any, dy: Array) -> tuple[Array, Tree]:
        return dy * sigmoid(context.backend, cache), {}
