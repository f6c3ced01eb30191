"""LayerNorm: normalises each sample to mean 0 and variance 1, then scales and shifts each value."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from cnnkit.backends.protocol import Array, Shape
from cnnkit.layers.base import Context, Layer, Variables
from cnnkit.layers.fields import require
from cnnkit.tree import Tree
from cnnkit.values import is_number


@dataclass(frozen=True)
class LayerNorm(Layer):
    """y = gamma * (x - mean) / sqrt(variance + epsilon) + beta over all values of a sample.

    x (N, ...), gamma and beta (...). The variance is biased. Ba, Kiros and Hinton 2016; epsilon as in PyTorch.
    """

    epsilon: float = 1e-5

    def __post_init__(self) -> None:
        require(is_number(self.epsilon) and self.epsilon > 0, self.type, "epsilon", "> 0", self.epsilon)

    def init(self, rng: np.random.Generator, x_shape: Shape) -> Variables:
        return Variables({"gamma": np.ones(x_shape), "beta": np.zeros(x_shape)}, {})

    def variable_shapes(self, x_shape: Shape) -> Variables:
        return Variables({"gamma": x_shape, "beta": x_shape}, {})

    def output_shape(self, x_shape: Shape) -> Shape:
        return x_shape

    def reach(self, x_shape: Shape) -> None:
        return None

    def forward(self, context: Context, params: Tree, state: Tree, x: Array) -> tuple[Array, Any]:
        backend, axes = context.backend, tuple(range(1, x.ndim))
        if x.shape[1:] != params["gamma"].shape:
            raise self.refuse(f"(N, {', '.join(map(str, params['gamma'].shape))})", x.shape[1:])
        centred = x - backend.mean(x, axis=axes, keepdims=True)
        variance = backend.mean(centred * centred, axis=axes, keepdims=True)
        inverse = 1 / backend.sqrt(variance + self.epsilon)
        normalised = centred * inverse
        return normalised * params["gamma"] + params["beta"], (normalised, inverse)

    def backward(self, context: Context, params: Tree, cache: Any, dy: Array) -> tuple[Array, Tree]:
        backend, axes = context.backend, tuple(range(1, dy.ndim))
        normalised, inverse = cache
        count = math.prod(dy.shape[1:])
        dnormalised = dy * params["gamma"]
        shift = backend.sum(dnormalised, axis=axes, keepdims=True) / count
        tilt = backend.sum(dnormalised * normalised, axis=axes, keepdims=True) / count
        grads = {"gamma": backend.sum(dy * normalised, axis=0), "beta": backend.sum(dy, axis=0)}
        return (dnormalised - shift - normalised * tilt) * inverse, grads
