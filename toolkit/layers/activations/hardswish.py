"""Hardswish: SiLU with straight pieces."""

from dataclasses import dataclass
from typing import Any

from cnnkit.backends.protocol import Array
from cnnkit.layers.activations.clipping import clip_values
from cnnkit.layers.activations.elementwise import Elementwise
from cnnkit.layers.base import Context
from cnnkit.tree import Tree


@dataclass(frozen=True)
class Hardswish(Elementwise):
    """y = x * min(max(x + 3, 0), 6) / 6; the gradient is 0 at -3 and 1 at 3. Howard et al. 2019."""

    def forward(self, context: Context, params: Tree, state: Tree, x: Array) -> tuple[Array, Any]:
        backend = context.backend
        gate = clip_values(backend, x + 3, 0.0, 6.0) / 6
        return backend.maximum(x, -3.0) * gate, x

    def backward(self, context: Context, params: Tree, cache: Any, dy: Array) -> tuple[Array, Tree]:
        backend = context.backend
        near = clip_values(backend, cache, -3.0, 3.0)
        slope = backend.where(cache > -3, near / 3 + 0.5, 0.0)
        return dy * backend.where(cache < 3, slope, 1.0), {}
