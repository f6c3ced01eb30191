"""A child of a combinator under its name in the parent's trees."""

from dataclasses import dataclass
from typing import Any

from cnnkit.backends.protocol import Array, Shape
from cnnkit.errors import ShapeError
from cnnkit.layers.base import Context, Layer
from cnnkit.tree import Tree, child


@dataclass(frozen=True)
class NamedLayer(Layer):
    """`layer` on the entry `name` of its parent's params, state and gradients; its errors name its position."""

    name: str
    layer: Layer

    def output_shape(self, x_shape: Shape) -> Shape:
        try:
            return self.layer.output_shape(x_shape)
        except ShapeError as error:
            raise error.inside(self.name) from None

    def forward(self, context: Context, params: Tree, state: Tree, x: Array) -> tuple[Array, Any]:
        name = self.name
        try:
            return self.layer.forward(context.child(name), child(params, name), child(state, name), x)
        except ShapeError as error:
            raise error.inside(name) from None

    def backward(self, context: Context, params: Tree, cache: Any, dy: Array) -> tuple[Array, Tree]:
        dx, grads = self.layer.backward(context.child(self.name), child(params, self.name), cache, dy)
        return dx, {self.name: grads} if grads else {}

    def parameter_gradients(self, context: Context, params: Tree, cache: Any, dy: Array) -> Tree:
        grads = self.layer.parameter_gradients(context.child(self.name), child(params, self.name), cache, dy)
        return {self.name: grads} if grads else {}

    def next_state(self, state: Tree, cache: Any) -> Tree:
        if self.name not in state:
            return state
        return state | {self.name: self.layer.next_state(state[self.name], cache)}
