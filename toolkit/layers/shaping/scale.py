"""Scale: multiplies by trained numbers and adds others, one for each place along some axes."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from cnnkit.backends.protocol import Array, Shape
from cnnkit.layers.base import Context, Layer, Variables
from cnnkit.layers.fields import MOST_AXES, require, require_flag
from cnnkit.tree import Tree
from cnnkit.values import is_count


@dataclass(frozen=True)
class Scale(Layer):
    """y = weight * x + bias; x and y (N, ...), weight and bias one number for each place along `axes`.

    axes: counted with N as axis 0, in rising order: (1,) is one number for each channel, () one in all, of shape (1,).
    scale, shift: whether there is a weight, a bias. They begin as 1 and 0. Touvron et al. 2021 (LayerScale).
    """

    axes: tuple[int, ...] = (1,)
    scale: bool = True
    shift: bool = True

    def __post_init__(self) -> None:
        axes: object = self.axes
        good = isinstance(axes, tuple) and len(axes) <= MOST_AXES and all(is_count(axis, 1) for axis in axes)
        good = good and list(self.axes) == sorted(set(self.axes))
        require(good, self.type, "axes", "whole numbers >= 1 in rising order, such as (1,)", axes)
        require_flag(self.type, "scale", self.scale)
        require_flag(self.type, "shift", self.shift)
        require(self.scale or self.shift, self.type, "scale or shift", "true", False)

    def init(self, rng: np.random.Generator, x_shape: Shape) -> Variables:
        shape = self._shape(x_shape)
        fresh = {"weight": np.ones(shape)} if self.scale else {}
        return Variables(fresh | ({"bias": np.zeros(shape)} if self.shift else {}), {})

    def variable_shapes(self, x_shape: Shape) -> Variables:
        names = [name for name, used in (("weight", self.scale), ("bias", self.shift)) if used]
        return Variables(dict.fromkeys(names, self._shape(x_shape)), {})

    def _shape(self, x_shape: Shape) -> Shape:
        self.output_shape(x_shape)
        return tuple(x_shape[axis - 1] for axis in self.axes) or (1,)

    def output_shape(self, x_shape: Shape) -> Shape:
        if self.axes and self.axes[-1] > len(x_shape):
            raise self.refuse(f"(N, ...) with an axis {self.axes[-1]}", x_shape, "change its axes field")
        return x_shape

    def forward(self, context: Context, params: Tree, state: Tree, x: Array) -> tuple[Array, Any]:
        expected, name = self._shape(tuple(x.shape[1:])), "weight" if self.scale else "bias"
        if tuple(params[name].shape) != expected:
            raise self.refuse(f"(N, ...) that fits a {name} of shape {tuple(params[name].shape)}", tuple(x.shape[1:]))
        y = x * self._broadcast(params["weight"], x) if self.scale else x
        return y + self._broadcast(params["bias"], x) if self.shift else y, x

    def backward(self, context: Context, params: Tree, cache: Any, dy: Array) -> tuple[Array, Tree]:
        dx = dy * self._broadcast(params["weight"], dy) if self.scale else dy
        grads = {"weight": self._total(context, dy * cache)} if self.scale else {}
        return dx, grads | ({"bias": self._total(context, dy)} if self.shift else {})

    def _broadcast(self, values: Array, x: Array) -> Array:
        return values.reshape(tuple(x.shape[axis] if axis in self.axes else 1 for axis in range(x.ndim)))

    def _total(self, context: Context, values: Array) -> Array:
        others = tuple(axis for axis in range(values.ndim) if axis not in self.axes)
        total = context.backend.sum_samples(values, axis=others)
        return total if self.axes else total.reshape((1,))
