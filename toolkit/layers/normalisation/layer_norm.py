"""LayerNorm: normalises each sample to mean 0 and variance 1, then scales and shifts each value."""

from dataclasses import dataclass
from typing import Any

from cnnkit.backends.protocol import Array, Shape
from cnnkit.layers.axes import Axes, pick_lengths, require_axes, resolve_axes, spread_shape
from cnnkit.layers.base import Context, Reach
from cnnkit.layers.normalisation.affine import AffineLayer, standardise, standardise_gradient
from cnnkit.tree import Tree


@dataclass(frozen=True)
class LayerNorm(AffineLayer):
    """y = gamma * (x - mean) / sqrt(variance + epsilon) + beta over all values of a sample, or over those along `axes`.

    x (N, ...); gamma and beta have the lengths of these axes: (...) for all of them, (C) for axes (1,). The variance is
    biased. Ba, Kiros and Hinton 2016; epsilon as in PyTorch.
    """

    epsilon: float = 1e-5
    axes: Axes | None = None
    scale: bool = True
    shift: bool = True

    def __post_init__(self) -> None:
        self.require_fields()
        if self.axes is not None:
            require_axes(self.type, self.axes)

    def affine_shape(self, x_shape: Shape) -> Shape:
        return pick_lengths(x_shape, self._resolve(x_shape))

    def output_shape(self, x_shape: Shape) -> Shape:
        self._resolve(x_shape)
        return x_shape

    def reach(self, x_shape: Shape) -> Reach | None:
        return super().reach(x_shape) if len(x_shape) > 1 and self._resolve(x_shape) == (1,) else None

    def forward(self, context: Context, params: Tree, state: Tree, x: Array) -> tuple[Array, Any]:
        axes = self._resolve(x.shape[1:])
        self._require_lengths(params, x, axes)
        cache = standardise(context.backend, x, axes, self.epsilon)
        return self.affine(params, cache.values, spread_shape(x.shape, axes)), cache

    def backward(self, context: Context, params: Tree, cache: Any, dy: Array) -> tuple[Array, Tree]:
        axes = self._resolve(dy.shape[1:])
        dvalues = self.scaled(params, dy, spread_shape(dy.shape, axes))
        grads = self.parameter_gradients(context, params, cache, dy)
        return standardise_gradient(context.backend, dvalues, cache, axes), grads

    def parameter_gradients(self, context: Context, params: Tree, cache: Any, dy: Array) -> Tree:
        return self.affine_gradients(context.backend, cache.values, dy, self._resolve(dy.shape[1:]))

    def _resolve(self, x_shape: Shape) -> Axes:
        return tuple(range(1, len(x_shape) + 1)) if self.axes is None else resolve_axes(self, self.axes, x_shape)

    def _require_lengths(self, params: Tree, x: Array, axes: Axes) -> None:
        """Raise ShapeError where x has not the lengths that gamma and beta have."""
        for array in params.values():
            if pick_lengths(x.shape[1:], axes) != tuple(array.shape):
                lengths = ", ".join(map(str, array.shape))
                whole = f"(N, {lengths})" if self.axes is None else f"(N, ...) with lengths {lengths} along {axes}"
                raise self.refuse(whole, x.shape[1:])
