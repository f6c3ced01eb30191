"""The base of layers of the form y = product(x, weight) + bias."""

from abc import abstractmethod
from typing import Any

from cnnkit.backends.protocol import Array
from cnnkit.layers.base import Context, Layer
from cnnkit.tree import Tree


class LinearLayer(Layer):
    """A layer y = product(x, weight) + bias; subclasses give the product and its two gradients."""

    bias: bool

    @abstractmethod
    def product(self, context: Context, weight: Array, x: Array) -> Array:
        """Return y without the bias. Raises ShapeError when x does not fit."""

    @abstractmethod
    def input_gradient(self, context: Context, weight: Array, x: Array, dy: Array) -> Array:
        """Return dx."""

    @abstractmethod
    def weight_gradient(self, context: Context, weight: Array, x: Array, dy: Array) -> Array:
        """Return dweight."""

    def forward(self, context: Context, params: Tree, state: Tree, x: Array) -> tuple[Array, Any]:
        y = self.product(context, params["weight"], x)
        return (context.backend.add_bias(y, params["bias"]) if self.bias else y), x

    def backward(self, context: Context, params: Tree, cache: Any, dy: Array) -> tuple[Array, Tree]:
        dx = self.input_gradient(context, params["weight"], cache, dy)
        return dx, self.parameter_gradients(context, params, cache, dy)

    def parameter_gradients(self, context: Context, params: Tree, cache: Any, dy: Array) -> Tree:
        grads = {"weight": self.weight_gradient(context, params["weight"], cache, dy)}
        if self.bias:
            grads["bias"] = context.backend.add_bias_gradient(dy, dy)[1]
        return grads
