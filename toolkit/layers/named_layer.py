"""A child of a combinator under its name in the parent's trees."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from cnnkit.backends.protocol import Array, Shape
from cnnkit.errors import PlacedError
from cnnkit.layers import external_layer, half_layer
from cnnkit.layers.base import Context, Layer, Shapes, Variables
from cnnkit.tree import Tree, child

R = TypeVar("R")


def placing(method: Callable[..., R]) -> Callable[..., R]:
    """Return a method that adds the `name` of its object to the path of errors; a `with` block costs each step more."""

    @functools.wraps(method)
    def placed(layer: Any, *arguments: Any) -> R:
        try:
            return method(layer, *arguments)
        except PlacedError as error:
            raise error.inside(layer.name) from error.__cause__

    return placed


@dataclass(frozen=True)
class NamedLayer(Layer):
    """`layer` on the entry `name` of its parent's params, state and gradients; its errors name its position."""

    name: str
    layer: Layer

    @placing
    def init(self, rng: np.random.Generator, x_shape: Shape) -> Variables:
        return self._listed(external_layer.init(self.layer, rng, x_shape))

    @placing
    def variable_shapes(self, x_shape: Shape) -> Variables:
        return self._listed(external_layer.variable_shapes(self.layer, x_shape))

    @placing
    def output_shape(self, x_shape: Shapes) -> Shapes:
        return external_layer.output_shape(self.layer, x_shape)

    @placing
    def forward(self, context: Context, params: Tree, state: Tree, x: Array) -> tuple[Array, Any]:
        name = self.name
        return half_layer.forward(self.layer, context.child(name), child(params, name), child(state, name), x)

    @placing
    def backward(self, context: Context, params: Tree, cache: Any, dy: Array) -> tuple[Array, Tree]:
        inner, own = context.child(self.name), child(params, self.name)
        dx, grads = half_layer.backward(self.layer, inner, own, cache, dy)
        return dx, {self.name: grads} if grads else {}

    @placing
    def parameter_gradients(self, context: Context, params: Tree, cache: Any, dy: Array) -> Tree:
        inner, own = context.child(self.name), child(params, self.name)
        grads = half_layer.parameter_gradients(self.layer, inner, own, cache, dy)
        return {self.name: grads} if grads else {}

    @placing
    def next_state(self, state: Tree, cache: Any) -> Tree:
        if self.name not in state:
            return state
        return state | {self.name: half_layer.next_state(self.layer, state[self.name], cache)}

    def _listed(self, made: Variables) -> Variables:
        """Return the variables under this name; a layer without some is not listed."""
        return Variables(*({self.name: tree} if tree else {} for tree in made))
