"""What all normalising layers share: their fields, the scale and shift after them, and the statistics of a sample."""

from typing import Any, NamedTuple

import numpy as np

from cnnkit.backends.protocol import Array, Backend, Shape
from cnnkit.layers.axes import Axes, other_axes
from cnnkit.layers.base import Layer, Variables
from cnnkit.layers.fields import require, require_flag
from cnnkit.tree import Tree
from cnnkit.values import is_number


class AffineLayer(Layer):
    """Base of layers that normalise, then scale by gamma (`scale`) and shift by beta (`shift`), where they have them.

    Subclasses declare epsilon and scale as dataclass fields, and shift where there may be a beta.
    """

    epsilon: float
    scale: bool
    shift: bool = False  # whether beta is added

    def require_fields(self) -> None:
        """Raise ConfigError for a field that cannot be used."""
        require(is_number(self.epsilon) and self.epsilon > 0, self.type, "epsilon", "> 0", self.epsilon)
        require_flag(self.type, "scale", self.scale)
        require_flag(self.type, "shift", self.shift)

    def affine_shape(self, x_shape: Shape) -> Shape:
        """Return the shape of gamma and beta: one for each channel, unless a subclass says otherwise."""
        return (x_shape[0],)

    def pick(self, gamma: Any, beta: Any) -> dict[str, Any]:
        """Return {"gamma": gamma, "beta": beta} without those that the layer has not."""
        return ({"gamma": gamma} if self.scale else {}) | ({"beta": beta} if self.shift else {})

    def init(self, rng: np.random.Generator, x_shape: Shape) -> Variables:
        shape = self.affine_shape(x_shape)
        return Variables(self.pick(np.ones(shape), np.zeros(shape)), {})

    def variable_shapes(self, x_shape: Shape) -> Variables:
        shape = self.affine_shape(x_shape)
        return Variables(self.pick(shape, shape), {})

    def scaled(self, params: Tree, values: Array, shape: Shape) -> Array:
        """Return gamma * values, gamma broadcast in this shape."""
        return values * params["gamma"].reshape(shape) if self.scale else values

    def affine(self, params: Tree, normalised: Array, shape: Shape) -> Array:
        """Return gamma * normalised + beta, both broadcast in this shape."""
        y = self.scaled(params, normalised, shape)
        return y + params["beta"].reshape(shape) if self.shift else y

    def affine_gradients(self, backend: Backend, normalised: Array, dy: Array, axes: Axes) -> Tree:
        """Return the gradients of gamma and beta, which differ along these axes."""
        rest = other_axes(dy.ndim, axes)
        return ({"gamma": backend.sum_samples(dy * normalised, axis=rest)} if self.scale else {}) | (
            {"beta": backend.sum_samples(dy, axis=rest)} if self.shift else {}
        )


class Standardised(NamedTuple):
    """Values of mean 0 and variance 1 along some axes, and what they were multiplied by for that."""

    values: Array
    inverse: Array  # 1 / sqrt(variance + epsilon), broadcast over x


def standardise(backend: Backend, x: Array, axes: Axes, epsilon: float) -> Standardised:
    """Return (x - mean) / sqrt(variance + epsilon), mean and (biased) variance taken over these axes."""
    centred = x - backend.mean(x, axis=axes, keepdims=True)
    inverse = 1 / backend.sqrt(backend.mean(centred * centred, axis=axes, keepdims=True) + epsilon)
    return Standardised(centred * inverse, inverse)


def standardise_gradient(backend: Backend, dvalues: Array, cache: Standardised, axes: Axes) -> Array:
    """Return dx: the adjoint of `standardise` at its result `cache`."""
    offset = backend.mean(dvalues, axis=axes, keepdims=True)
    tilt = backend.mean(dvalues * cache.values, axis=axes, keepdims=True)
    return (dvalues - offset - cache.values * tilt) * cache.inverse
