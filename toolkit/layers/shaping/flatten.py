"""Flatten: an image becomes a row."""

import math
from dataclasses import dataclass
from typing import Any

from cnnkit.backends.protocol import Array, Shape
from cnnkit.layers.base import Context, Layer
from cnnkit.tree import Tree


@dataclass(frozen=True)
class Flatten(Layer):
    """y = the numbers of each sample in one row, channels first; x (N, C, H, W), y (N, C*H*W)."""

    def output_shape(self, x_shape: Shape) -> Shape:
        return (math.prod(x_shape),)

    def forward(self, context: Context, params: Tree, state: Tree, x: Array) -> tuple[Array, Any]:
        return x.reshape((x.shape[0], math.prod(x.shape[1:]))), x.shape

    def backward(self, context: Context, params: Tree, cache: Any, dy: Array) -> tuple[Array, Tree]:
        return dy.reshape(cache), {}
