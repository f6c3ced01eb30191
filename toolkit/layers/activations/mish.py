"""Mish: each value times the tanh of its softplus."""

from dataclasses import dataclass
from typing import Any

from cnnkit.backends.protocol import Array
from cnnkit.layers.activations.clipping import clip_values
from cnnkit.layers.activations.elementwise import Elementwise
from cnnkit.layers.base import Context
from cnnkit.tree import Tree

FLAT, FULL = 1000.0, 30.0  # below -FLAT the gate is 0, above FULL it is 1, in float64


@dataclass(frozen=True)
class Mish(Elementwise):
    """y = x * tanh(log(1 + exp(x))), finite for any finite x. Misra 2019.

    With e = exp(x) and n = e * (e + 2), tanh(log(1 + e)) = n / (n + 2): no difference of nearly equal numbers.
    """

    def forward(self, context: Context, params: Tree, state: Tree, x: Array) -> tuple[Array, Any]:
        e = context.backend.exp(clip_values(context.backend, x, -FLAT, FULL))
        n = e * (e + 2)
        return context.backend.maximum(x, -FLAT) * (n / (n + 2)), x

    def backward(self, context: Context, params: Tree, cache: Any, dy: Array) -> tuple[Array, Tree]:
        near = clip_values(context.backend, cache, -FLAT, FULL)
        e = context.backend.exp(near)
        n = e * (e + 2)
        gate, slope = n / (n + 2), 4 * e * (e + 1) / (n + 2) / (n + 2)
        return dy * (gate + near * slope), {}
