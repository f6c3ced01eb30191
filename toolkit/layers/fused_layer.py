"""A layer with a bias, the activation after it and the max-pooling after that, run as one layer.

The pooling runs first. A bias is constant over a channel and the activations never decrease, so both leave the largest
value of a window in its place and need to run on the pooled values only: a quarter of them for windows of 2 x 2. The
bias and a ReLU are one pass over the values. The results equal those of the layers one after the other, except where
rounding makes two values of a window equal: then the gradient goes to the larger one, not to the first.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

from cnnkit.backends.protocol import Array, Shape
from cnnkit.layers.activations.relu import ReLU
from cnnkit.layers.activations.sigmoid import Sigmoid
from cnnkit.layers.activations.tanh import Tanh
from cnnkit.layers.base import Context, Layer
from cnnkit.layers.linear_layer import LinearLayer
from cnnkit.layers.windows.max_pooling import MaxPool1D, MaxPool2D, MaxPool3D, MaxPooling
from cnnkit.tree import Tree

_MONOTONIC = (Sigmoid, Tanh)  # activations that never decrease, besides ReLU, which is fused into the bias
_POOLS = (MaxPool1D, MaxPool2D, MaxPool3D)


def fuse_first(layers: tuple[Layer, ...]) -> tuple[Layer, int]:
    """Return the layer to run in place of the first ones, and how many it replaces.

    layers: at least one, and up to two that follow it.
    """
    first, *following = layers
    if not isinstance(first, LinearLayer) or not first.bias or not first.fusible:
        return first, 1
    types = [type(layer) for layer in following]
    activation = following[0] if types and types[0] in (ReLU, *_MONOTONIC) else None
    pool = next((layer for layer in following[1 if activation else 0 :][:1] if type(layer) in _POOLS), None)
    relu, monotonic = isinstance(activation, ReLU), activation if isinstance(activation, _MONOTONIC) else None
    if not isinstance(pool, MaxPooling):
        return (FusedLayer(first, None, True, None), 2) if relu else (first, 1)
    return FusedLayer(first, pool, relu, monotonic), 1 + (activation is not None) + 1


class FusedCache(NamedTuple):
    """What the backward pass of a FusedLayer needs."""

    x: Array
    pooled: Any  # the pooling's cache
    y: Array  # after the bias, and the ReLU
    activated: Any  # the activation's cache


@dataclass(frozen=True)
class FusedLayer(Layer):
    """activation(add_bias(pool(product(x)), relu)); its params are those of `layer`."""

    layer: LinearLayer
    pool: MaxPooling | None
    relu: bool
    activation: Layer | None

    @property
    def half_precision(self) -> bool | None:  # type: ignore[override]
        return self.layer.half_precision

    def output_shape(self, x_shape: Shape) -> Shape:
        y_shape = self.layer.output_shape(x_shape)
        return y_shape if self.pool is None else self.pool.output_shape(y_shape)

    def forward(self, context: Context, params: Tree, state: Tree, x: Array) -> tuple[Array, Any]:
        y, pooled, activated = self.layer.product(context, params["weight"], x), None, None
        if self.pool is not None:
            y, pooled = self.pool.forward(context, {}, {}, y)
        y = biased = context.backend.add_bias(y, params["bias"], self.relu)
        if self.activation is not None:
            y, activated = self.activation.forward(context, {}, {}, y)
        return y, FusedCache(x, pooled, biased, activated)

    def backward(self, context: Context, params: Tree, cache: Any, dy: Array) -> tuple[Array, Tree]:
        dy, grads = self._backward(context, params, cache, dy)
        return self.layer.input_gradient(context, params["weight"], cache.x, dy), grads

    def parameter_gradients(self, context: Context, params: Tree, cache: Any, dy: Array) -> Tree:
        return self._backward(context, params, cache, dy)[1]

    def _backward(self, context: Context, params: Tree, cache: FusedCache, dy: Array) -> tuple[Array, Tree]:
        """Return (the gradient of the product, the parameters' gradients)."""
        if self.activation is not None:
            dy, _ = self.activation.backward(context, {}, cache.activated, dy)
        dy, dbias = context.backend.add_bias_gradient(dy, cache.y, self.relu)
        if self.pool is not None:
            dy, _ = self.pool.backward(context, {}, cache.pooled, dy)
        return dy, {"weight": self.layer.weight_gradient(context, params["weight"], cache.x, dy), "bias": dbias}
