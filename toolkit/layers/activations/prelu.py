"""PReLU: what is below zero is multiplied by trained slopes."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from cnnkit.backends.protocol import Array, Shape
from cnnkit.layers.activations.elementwise import Elementwise
from cnnkit.layers.axes import Axes, other_axes, pick_lengths, require_axes, resolve_axes, spread_shape
from cnnkit.layers.base import Context, Variables
from cnnkit.tree import Tree

FIRST_SLOPE = 0.25  # as in the paper and in PyTorch


@dataclass(frozen=True)
class PReLU(Elementwise):
    """y = x where x > 0, else weight * x; at 0 the gradient in x is weight * dy. He et al. 2015.

    axes: those along which the slopes differ, 1 for one slope per channel; the weight has their lengths. With axes ()
    there is one slope for all values, and the weight has the shape (1,).
    """

    axes: Axes = (1,)

    def __post_init__(self) -> None:
        require_axes(self.type, self.axes, least=0)

    def init(self, rng: np.random.Generator, x_shape: Shape) -> Variables:
        return Variables({"weight": np.full(self.variable_shapes(x_shape).params["weight"], FIRST_SLOPE)}, {})

    def variable_shapes(self, x_shape: Shape) -> Variables:
        return Variables({"weight": pick_lengths(x_shape, resolve_axes(self, self.axes, x_shape)) or (1,)}, {})

    def output_shape(self, x_shape: Shape) -> Shape:
        resolve_axes(self, self.axes, x_shape)
        return x_shape

    def forward(self, context: Context, params: Tree, state: Tree, x: Array) -> tuple[Array, Any]:
        return context.backend.where(x > 0, x, x * self._spread(params["weight"], x)), x

    def backward(self, context: Context, params: Tree, cache: Any, dy: Array) -> tuple[Array, Tree]:
        backend, weight, above = context.backend, params["weight"], cache > 0
        rest = other_axes(dy.ndim, resolve_axes(self, self.axes, dy.shape[1:]))
        dweight = backend.sum_samples(backend.where(above, 0.0, dy * cache), axis=rest).reshape(tuple(weight.shape))
        return backend.where(above, dy, dy * self._spread(weight, dy)), {"weight": dweight}

    def _spread(self, weight: Array, x: Array) -> Array:
        """Return the weight in the shape in which it is broadcast over x. Raises ShapeError where it does not fit."""
        axes = resolve_axes(self, self.axes, x.shape[1:])
        lengths = pick_lengths(x.shape[1:], axes) or (1,)
        if lengths != tuple(weight.shape):
            raise self.refuse(f"(N, ...) with lengths {tuple(weight.shape)} along axes {self.axes}", x.shape[1:])
        return weight.reshape(spread_shape(x.shape, axes))
