"""What layers of the form y = product(x, weight) + bias share: where the bias comes in, and the ReLU after it."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, NamedTuple

from cnnkit.backends.protocol import Array, Shape
from cnnkit.layers.base import Context, Layer
from cnnkit.tree import Tree


class Biased(Layer):
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


class _Cache(NamedTuple):
    x: Array
    y: Array


@dataclass(frozen=True)
class BiasedReLU(Layer):
    """A layer with a bias and the ReLU after it: the same values as one after the other, in one pass over them.

    Sequential puts it in place of the two; it has the params of the first.
    """

    layer: Biased

    @property
    def whole_batch(self) -> bool:  # type: ignore[override]
        return self.layer.whole_batch

    def output_shape(self, x_shape: Shape) -> Shape:
        return self.layer.output_shape(x_shape)

    def forward(self, context: Context, params: Tree, state: Tree, x: Array) -> tuple[Array, Any]:
        product = self.layer.product(context, params["weight"], x)
        y = context.backend.add_bias(product, params["bias"], relu=True)
        return y, _Cache(x, y)

    def backward(self, context: Context, params: Tree, cache: Any, dy: Array) -> tuple[Array, Tree]:
        x, y = cache
        dy, dbias = context.backend.add_bias_gradient(dy, y, relu=True)
        dx = self.layer.input_gradient(context, params["weight"], x, dy)
        return dx, {"weight": self.layer.weight_gradient(context, params["weight"], x, dy), "bias": dbias}

    def parameter_gradients(self, context: Context, params: Tree, cache: Any, dy: Array) -> Tree:
        x, y = cache
        dy, dbias = context.backend.add_bias_gradient(dy, y, relu=True)
        return {"weight": self.layer.weight_gradient(context, params["weight"], x, dy), "bias": dbias}
