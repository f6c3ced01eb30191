"""RMSNorm: brings the root of the mean square of a sample's values to 1, then scales each value."""

from dataclasses import dataclass
from typing import Any

from cnnkit.backends.protocol import Array, Shape
from cnnkit.layers.axes import Axes, pick_lengths, require_axes, resolve_axes, spread_shape
from cnnkit.layers.base import Context, Reach
from cnnkit.layers.normalisation.affine import AffineLayer, Standardised
from cnnkit.tree import Tree


@dataclass(frozen=True)
class RMSNorm(AffineLayer):
    """y = gamma * x / sqrt(mean of x * x along `axes` + epsilon); gamma has the lengths of these axes.

    x (N, ...). Zhang and Sennrich 2019. torch.nn's takes the machine epsilon of the type where none is given.
    """

    epsilon: float = 1e-5
    axes: Axes = (1,)
    scale: bool = True

    def __post_init__(self) -> None:
        self.require_fields()
        require_axes(self.type, self.axes)

    def affine_shape(self, x_shape: Shape) -> Shape:
        return pick_lengths(x_shape, resolve_axes(self, self.axes, x_shape))

    def output_shape(self, x_shape: Shape) -> Shape:
        resolve_axes(self, self.axes, x_shape)
        return x_shape

    def reach(self, x_shape: Shape) -> Reach | None:
        return super().reach(x_shape) if len(x_shape) > 1 and resolve_axes(self, self.axes, x_shape) == (1,) else None

    def forward(self, context: Context, params: Tree, state: Tree, x: Array) -> tuple[Array, Any]:
        backend, axes = context.backend, resolve_axes(self, self.axes, x.shape[1:])
        inverse = 1 / backend.sqrt(backend.mean(x * x, axis=axes, keepdims=True) + self.epsilon)
        cache = Standardised(x * inverse, inverse)
        return self.affine(params, cache.values, spread_shape(x.shape, axes)), cache

    def backward(self, context: Context, params: Tree, cache: Any, dy: Array) -> tuple[Array, Tree]:
        axes = resolve_axes(self, self.axes, dy.shape[1:])
        dvalues = self.scaled(params, dy, spread_shape(dy.shape, axes))
        tilt = context.backend.mean(dvalues * cache.values, axis=axes, keepdims=True)
        return (dvalues - cache.values * tilt) * cache.inverse, self.parameter_gradients(context, params, cache, dy)

    def parameter_gradients(self, context: Context, params: Tree, cache: Any, dy: Array) -> Tree:
        axes = resolve_axes(self, self.axes, dy.shape[1:])
        return self.affine_gradients(context.backend, cache.values, dy, axes)
