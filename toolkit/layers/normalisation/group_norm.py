"""GroupNorm: normalises groups of a sample's channels to mean 0 and variance 1, then scales and shifts each channel."""

from dataclasses import dataclass
from typing import Any, ClassVar

from cnnkit.backends.protocol import Array, Shape
from cnnkit.layers.axes import Axes
from cnnkit.layers.base import Context, Reach
from cnnkit.layers.fields import require_count
from cnnkit.layers.normalisation.affine import AffineLayer, Standardised, standardise, standardise_gradient
from cnnkit.tree import Tree


class ChannelGroups(AffineLayer):
    """Base of layers that normalise a sample's channels in groups of neighbours; x (N, C, ...), gamma and beta (C)."""

    axis_names: ClassVar = {"gamma": ("c",), "beta": ("c",)}

    def count_groups(self, channels: int) -> int:
        """Return the number of groups."""
        raise NotImplementedError

    def reach(self, x_shape: Shape) -> Reach | None:
        return None

    def forward(self, context: Context, params: Tree, state: Tree, x: Array) -> tuple[Array, Any]:
        self.output_shape(x.shape[1:])
        values, inverse = standardise(context.backend, self._grouped(x), _inner_axes(x), self.epsilon)
        cache = Standardised(values.reshape(tuple(x.shape)), inverse)
        return self.affine(params, cache.values, _spread(x)), cache

    def backward(self, context: Context, params: Tree, cache: Any, dy: Array) -> tuple[Array, Tree]:
        dvalues = self._grouped(self.scaled(params, dy, _spread(dy)))
        grouped = Standardised(self._grouped(cache.values), cache.inverse)
        dx = standardise_gradient(context.backend, dvalues, grouped, _inner_axes(dy))
        return dx.reshape(tuple(dy.shape)), self.parameter_gradients(context, params, cache, dy)

    def parameter_gradients(self, context: Context, params: Tree, cache: Any, dy: Array) -> Tree:
        return self.affine_gradients(context.backend, cache.values, dy, (1,))

    def _grouped(self, x: Array) -> Array:
        """(N, C, ...) -> (N, groups, C / groups, ...)."""
        samples, channels, *rest = x.shape
        groups = self.count_groups(channels)
        return x.reshape((samples, groups, channels // groups, *rest))


def _inner_axes(x: Array) -> Axes:
    """Return the axes of one group in the grouped form of x."""
    return tuple(range(2, x.ndim + 1))


def _spread(x: Array) -> Shape:
    return (1, x.shape[1]) + (1,) * (x.ndim - 2)


@dataclass(frozen=True)
class GroupNorm(ChannelGroups):
    """y = gamma * (x - mean) / sqrt(variance + epsilon) + beta over the values of each of `groups` groups of channels.

    x (N, C, ...), C divisible by groups; gamma, beta (C). The variance is biased. Wu and He 2018, epsilon of PyTorch.
    """

    groups: int
    epsilon: float = 1e-5
    scale: bool = True
    shift: bool = True

    def __post_init__(self) -> None:
        require_count(self.type, "groups", self.groups)
        self.require_fields()

    def count_groups(self, channels: int) -> int:
        return self.groups

    def output_shape(self, x_shape: Shape) -> Shape:
        if x_shape[0] % self.groups:
            raise self.refuse(f"(N, C, ...) with C divisible by groups (={self.groups})", x_shape)
        return x_shape
