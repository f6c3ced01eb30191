"""Dense: every output sees every input."""

import math
from dataclasses import dataclass
from typing import Any, ClassVar

from cnnkit.backends.protocol import Array, Pair, Shape
from cnnkit.initializers import Initializer
from cnnkit.layers.base import Context
from cnnkit.layers.fields import require
from cnnkit.layers.linear_layer import LinearLayer
from cnnkit.tree import Tree


@dataclass(frozen=True)
class Dense(LinearLayer):
    """y = x weight^T + bias; x (N, I), weight (O, I), bias (O), y (N, O).

    axis: 1, or -1 for the last axis of x (N, ..., I), whose other positions are treated alike; y (N, ..., O).
    """

    features: int
    bias: bool = True
    weight_initializer: str | Initializer = "glorot_uniform"
    bias_initializer: str | Initializer = "zeros"
    axis: int = 1
    axis_names: ClassVar = {"weight": ("out", "in"), "bias": ("out",)}

    @property
    def whole_batch(self) -> bool:
        return True

    @property
    def fusible(self) -> bool:
        return self.axis == 1

    def __post_init__(self) -> None:
        self.require_fields()
        require(self.axis in (1, -1) and self.axis is not True, self.type, "axis", "1 or -1", self.axis)

    def weight_shape(self, x_shape: Shape) -> Shape:
        return self.features, x_shape[-1]

    def fans(self, x_shape: Shape) -> Pair:
        return x_shape[-1], self.features

    def output_shape(self, x_shape: Shape) -> Shape:
        if len(x_shape) != 1 and self.axis == 1:
            raise self.refuse("(N, I)", x_shape, "put a Flatten before it")
        return (*x_shape[:-1], self.features)

    def multiply_adds(self, x_shape: Shape) -> int:
        return math.prod(x_shape) * self.features

    def reach(self, x_shape: Shape) -> None:
        return None

    def forward(self, context: Context, params: Tree, state: Tree, x: Array) -> tuple[Array, Any]:
        if self.axis == 1:
            return super().forward(context, params, state, x)
        if x.shape[-1] != params["weight"].shape[1]:
            raise self.refuse(f"(N, ..., {params['weight'].shape[1]})", x.shape[1:])
        y, rows = super().forward(context, params, state, self._rows(x))
        return y.reshape((*x.shape[:-1], self.features)), rows

    def backward(self, context: Context, params: Tree, cache: Any, dy: Array) -> tuple[Array, Tree]:
        dx, grads = super().backward(context, params, cache, self._rows(dy))
        return dx.reshape((*dy.shape[:-1], dx.shape[1])), grads

    def parameter_gradients(self, context: Context, params: Tree, cache: Any, dy: Array) -> Tree:
        return super().parameter_gradients(context, params, cache, self._rows(dy))

    def _rows(self, x: Array) -> Array:
        """(N, ..., F) -> (N * ..., F)."""
        return x if x.ndim == 2 else x.reshape((-1, x.shape[-1]))

    def product(self, context: Context, weight: Array, x: Array) -> Array:
        if x.ndim != 2 or x.shape[1] != weight.shape[1]:
            raise self.refuse(f"(N, {weight.shape[1]})", x.shape[1:], "put a Flatten before it" if x.ndim > 2 else None)
        return context.backend.matmul(x, context.backend.transpose(weight, (1, 0)))

    def input_gradient(self, context: Context, weight: Array, x: Array, dy: Array) -> Array:
        return context.backend.matmul(dy, weight)

    def weight_gradient(self, context: Context, weight: Array, x: Array, dy: Array) -> Array:
        return context.backend.dense_weight_gradient(dy, x)
