"""Sequential: layers one after the other."""

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np

from cnnkit.backends.protocol import Array, Shape
from cnnkit.layers.base import Context, Layer, Variables, join_variables
from cnnkit.layers.external_layer import gather_layers
from cnnkit.layers.named_layer import NamedLayer
from cnnkit.layers.plan import Plan, make_plan
from cnnkit.tree import Tree


class SequentialCache(NamedTuple):
    """The plan that ran, and what its layers need for the backward pass."""

    plan: Plan
    caches: list[Any]  # one for each of the plan's layers


@dataclass(frozen=True)
class Sequential(Layer):
    """y = layers[-1](... layers[1](layers[0](x))); child k is named "k".

    What runs is a plan of the layers: fewer and larger ones, with the same results (plan.py).
    """

    layers: tuple[Layer, ...]
    half_precision: ClassVar[bool | None] = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "layers", gather_layers(self.type, "layers", self.layers))

    def forward(self, context: Context, params: Tree, state: Tree, x: Array) -> tuple[Array, Any]:
        plan, caches = self._plan(context.training, params, state), []
        for layer in plan.layers:  # each takes its own entries of params and state, by its name
            x, cache = layer.forward(context, params, state, x)
            caches.append(cache if context.keeps_caches else None)
        return x, SequentialCache(plan, caches)

    def outputs(self, context: Context, params: Tree, state: Tree, x: Array) -> Iterator[tuple[str, Layer, Array]]:
        """Yield (name, layer, what it gives) of each child in turn, none fused, the batch in one piece."""
        for i, layer in enumerate(self.layers):
            x, _ = NamedLayer(str(i), layer).forward(context, params, state, x)
            yield str(i), layer, x

    def backward(self, context: Context, params: Tree, cache: Any, dy: Array) -> tuple[Array, Tree]:
        return _backward(cache.plan.layers, context, params, cache.caches, dy)

    def parameter_gradients(self, context: Context, params: Tree, cache: Any, dy: Array) -> Tree:
        return _backward(cache.plan.gradient_layers, context, params, cache.caches, dy)[1]

    def next_state(self, state: Tree, cache: Any) -> Tree:
        for layer, layer_cache in zip(cache.plan.layers, cache.caches, strict=True):
            state = layer.next_state(state, layer_cache)
        return state

    def init(self, rng: np.random.Generator, x_shape: Shape) -> Variables:
        streams = rng.spawn(len(self.layers))
        placed = zip(streams, self._placed(x_shape), strict=True)
        return join_variables(child.init(stream, shape) for stream, (child, shape) in placed)

    def variable_shapes(self, x_shape: Shape) -> Variables:
        return join_variables(child.variable_shapes(shape) for child, shape in self._placed(x_shape))

    def children(self, x_shape: Shape) -> Iterator[tuple[str, Layer, Shape]]:
        for i, layer in enumerate(self.layers):
            yield str(i), layer, x_shape
            x_shape = NamedLayer(str(i), layer).output_shape(x_shape)

    def output_shape(self, x_shape: Shape) -> Shape:
        for i, layer in enumerate(self.layers):
            x_shape = NamedLayer(str(i), layer).output_shape(x_shape)
        return x_shape

    def _placed(self, x_shape: Shape) -> Iterator[tuple[NamedLayer, Shape]]:
        """Yield the children with their x_shape, the last one too only where it fits."""
        for name, layer, shape in self.children(x_shape):
            placed = NamedLayer(name, layer)
            placed.output_shape(shape)
            yield placed, shape

    def _plan(self, training: bool, params: Tree, state: Tree) -> Plan:
        key = training, tuple(params), tuple(state)
        if key not in self._plans:
            self._plans[key] = make_plan(self.layers, *key)
        return self._plans[key]

    @functools.cached_property
    def _plans(self) -> dict[tuple[bool, tuple[str, ...], tuple[str, ...]], Plan]:
        return {}  # filled as plans are asked for; derived from the fields, so no part of the value


def _backward(
    layers: tuple[Layer, ...], context: Context, params: Tree, caches: list[Any], dy: Array
) -> tuple[Array, Tree]:
    """Return (dx, grads); `layers` may lack the first ones of those that left `caches`, and the walk ends there."""
    grads: Tree = {}
    for layer, cache in zip(reversed(layers), reversed(caches), strict=False):
        dy, layer_grads = layer.backward(context, params, cache, dy)
        grads |= layer_grads
    return dy, {name: grads[name] for name in params}  # in the order of params, as every layer returns them
