"""The bases of layers of the form y = product(x, weight) + bias."""

from abc import abstractmethod
from typing import Any, ClassVar

import numpy as np

from cnnkit import initializers
from cnnkit.backends.protocol import Array, Pair, Shape
from cnnkit.contracts import naming_faults, require_array
from cnnkit.errors import ContractError
from cnnkit.initializers import Initializer
from cnnkit.layers.base import Context, Layer, Variables
from cnnkit.layers.fields import require_count, require_flag, require_initializers
from cnnkit.tree import Tree


def _draw(rule: str | Initializer, rng: np.random.Generator, shape: Shape, fans: Pair) -> Any:
    """Return values of `shape` by an initializer. Raises ContractError where it returns anything else."""
    initializer = initializers.parse(rule)
    part = type(initializer).__name__
    with naming_faults(part, "__call__"):
        values = initializer(rng, shape, *fans)
    require_array(part, "what __call__ returns", values, shape)
    if values.dtype.kind not in "fiu":
        raise ContractError(part, f"what __call__ returns must be numbers, got {values.dtype}")
    return values


class LinearLayer(Layer):
    """A layer y = product(x, weight) + bias; subclasses give the product and its two gradients.

    Subclasses declare the four names below as dataclass fields. The cache is x.
    """

    features: int
    bias: bool
    weight_initializer: str | Initializer
    bias_initializer: str | Initializer
    half_precision: ClassVar[bool | None] = True

    @property
    def fusible(self) -> bool:
        """Whether y is product(x) with a bias along axis 1, so that what follows may be done between the two."""
        return True

    def require_fields(self) -> None:
        """Raise ConfigError for a field that cannot be used."""
        require_count(self.type, "features", self.features)
        require_flag(self.type, "bias", self.bias)
        require_initializers(self.type, self.weight_initializer, self.bias_initializer)

    @abstractmethod
    def weight_shape(self, x_shape: Shape) -> Shape:
        """Return the shape of the weight."""

    @abstractmethod
    def fans(self, x_shape: Shape) -> Pair:
        """Return (fan_in, fan_out) for the initializers."""

    def variable_shapes(self, x_shape: Shape) -> Variables:
        shapes = {"weight": self.weight_shape(x_shape)}
        return Variables(shapes | {"bias": (self.features,)} if self.bias else shapes, {})

    def init(self, rng: np.random.Generator, x_shape: Shape) -> Variables:
        rules = {"weight": self.weight_initializer, "bias": self.bias_initializer}
        shapes, fans = self.variable_shapes(x_shape).params, self.fans(x_shape)
        return Variables({name: _draw(rules[name], rng, shape, fans) for name, shape in shapes.items()}, {})

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
            grads["bias"] = context.backend.add_bias_gradient(dy, dy)[1]  # it reads its second argument only with relu
        return grads
