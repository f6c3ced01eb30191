"""A layer whose dx nobody needs, because nothing below it is trained."""

from dataclasses import dataclass
from typing import Any

from cnnkit.backends.protocol import Array, Shape
from cnnkit.layers.base import Context, Layer
from cnnkit.tree import Tree


@dataclass(frozen=True)
class ParametersOnly(Layer):
    """`layer`; backward returns its gradients, and dy itself instead of a dx that no layer below reads."""

    layer: Layer

    def output_shape(self, x_shape: Shape) -> Shape:
        return self.layer.output_shape(x_shape)

    def forward(self, context: Context, params: Tree, state: Tree, x: Array) -> tuple[Array, Any]:
        return self.layer.forward(context, params, state, x)

    def backward(self, context: Context, params: Tree, cache: Any, dy: Array) -> tuple[Array, Tree]:
        return dy, self.layer.parameter_gradients(context, params, cache, dy)
