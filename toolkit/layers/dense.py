"""Dense: every output sees every input."""

from dataclasses import dataclass
from typing import ClassVar

from cnnkit.backends.protocol import Array, Pair, Shape
from cnnkit.initializers import Initializer
from cnnkit.layers.base import Context
from cnnkit.layers.linear_layer import LinearLayer


@dataclass(frozen=True)
class Dense(LinearLayer):
    """y = x weight^T + bias; x (N, I), weight (O, I), bias (O), y (N, O)."""

    features: int
    bias: bool = True
    weight_initializer: str | Initializer = "glorot_uniform"
    bias_initializer: str | Initializer = "zeros"
    axis_names: ClassVar = {"weight": ("out", "in"), "bias": ("out",)}

    @property
    def whole_batch(self) -> bool:
        return True

    def __post_init__(self) -> None:
        self.require_fields()

    def weight_shape(self, x_shape: Shape) -> Shape:
        return self.features, x_shape[0]

    def fans(self, x_shape: Shape) -> Pair:
        return x_shape[0], self.features

    def output_shape(self, x_shape: Shape) -> Shape:
        if len(x_shape) != 1:
            raise self.refuse("(N, I)", x_shape, "put a Flatten before it")
        return (self.features,)

    def multiply_adds(self, x_shape: Shape) -> int:
        return x_shape[0] * self.features

    def reach(self, x_shape: Shape) -> None:
        return None

    def product(self, context: Context, weight: Array, x: Array) -> Array:
        if x.ndim != 2 or x.shape[1] != weight.shape[1]:
            raise self.refuse(f"(N, {weight.shape[1]})", x.shape[1:], "put a Flatten before it" if x.ndim > 2 else None)
        return context.backend.matmul(x, context.backend.transpose(weight, (1, 0)))

    def input_gradient(self, context: Context, weight: Array, x: Array, dy: Array) -> Array:
        return context.backend.matmul(dy, weight)

    def weight_gradient(self, context: Context, weight: Array, x: Array, dy: Array) -> Array:
        return context.backend.matmul(context.backend.transpose(dy, (1, 0)), x)
