"""BatchNorm: normalises each channel to mean 0 and variance 1 over the batch, then scales and shifts it."""

import math
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np

from cnnkit.backends.protocol import Array, Backend, Shape
from cnnkit.errors import ShapeError
from cnnkit.layers.base import Context, Variables
from cnnkit.layers.fields import require
from cnnkit.layers.normalisation.affine import AffineLayer
from cnnkit.tree import Tree
from cnnkit.values import is_number


class BatchNormCache(NamedTuple):
    """What backward and next_state need; outside of training the statistics are None."""

    normalised: Array
    inverse: Array  # 1 / sqrt(variance + epsilon), broadcast over x
    mean: Array | None
    variance: Array | None  # unbiased


@dataclass(frozen=True)
class BatchNorm(AffineLayer):
    """y = gamma * (x - mean) / sqrt(variance + epsilon) + beta for each channel; x (N, C, ...).

    x has 0 to 3 axes of positions after N and C; gamma is left out where scale is False, beta where shift is False.
    Training uses mean and (biased) variance of the batch, and moves the running ones towards the batch's mean and
    unbiased variance by `momentum`; inference uses the running ones. Ioffe and Szegedy 2015; constants as in PyTorch.
    """

    epsilon: float = 1e-5
    momentum: float = 0.1
    scale: bool = True
    shift: bool = True
    axis_names: ClassVar = dict.fromkeys(("gamma", "beta", "mean", "variance"), ("c",))

    @property
    def couples_samples(self) -> bool:
        return True

    def __post_init__(self) -> None:
        self.require_fields()
        good = is_number(self.momentum) and 0 <= self.momentum <= 1
        require(good, self.type, "momentum", "in [0, 1]", self.momentum)

    def init(self, rng: np.random.Generator, x_shape: Shape) -> Variables:
        channels = x_shape[0]
        return Variables(super().init(rng, x_shape).params, {"mean": np.zeros(channels), "variance": np.ones(channels)})

    def variable_shapes(self, x_shape: Shape) -> Variables:
        channels = (x_shape[0],)
        return Variables(self.pick(channels, channels), {"mean": channels, "variance": channels})

    def output_shape(self, x_shape: Shape) -> Shape:
        if len(x_shape) > 4:
            raise self.refuse("(N, C), (N, C, L), (N, C, H, W) or (N, C, D, H, W)", x_shape)
        return x_shape

    def forward(self, context: Context, params: Tree, state: Tree, x: Array) -> tuple[Array, Any]:
        backend, axes, shape = context.backend, _axes(x), _broadcast(x)
        if context.training:
            count = _count_values(backend, x)
            if count < 2:
                raise ShapeError(
                    self.type,
                    "expected at least 2 values per channel while training, got 1",
                    "use a batch size that leaves no batch of 1",
                )
            mean = backend.mean_samples(x, axes)
            centred = x - mean.reshape(shape)
            variance = backend.mean_samples(centred * centred, axes)
            statistics: tuple[Array | None, Array | None] = (mean, variance * (count / (count - 1)))
        else:
            centred, variance, statistics = x - state["mean"].reshape(shape), state["variance"], (None, None)
        inverse = (1 / backend.sqrt(variance + self.epsilon)).reshape(shape)
        normalised = centred * inverse
        return self.affine(params, normalised, shape), BatchNormCache(normalised, inverse, *statistics)

    def backward(self, context: Context, params: Tree, cache: Any, dy: Array) -> tuple[Array, Tree]:
        backend, axes, shape = context.backend, _axes(dy), _broadcast(dy)
        factor = self.scaled(params, cache.inverse, shape)
        if cache.mean is None:
            return dy * factor, self.parameter_gradients(context, params, cache, dy)
        tilt, offset = (backend.sum_samples(values, axes) for values in (dy * cache.normalised, dy))
        count = _count_values(backend, dy)
        mean_offset, mean_tilt = ((total / count).reshape(shape) for total in backend.join_several(offset, tilt))
        towards = mean_offset + cache.normalised * mean_tilt
        return (dy - towards) * factor, self.pick(tilt, offset)

    def parameter_gradients(self, context: Context, params: Tree, cache: Any, dy: Array) -> Tree:
        return self.affine_gradients(context.backend, cache.normalised, dy, (1,))

    def next_state(self, state: Tree, cache: Any) -> Tree:
        old, new = 1 - self.momentum, self.momentum
        return {
            "mean": state["mean"] * old + cache.mean * new,
            "variance": state["variance"] * old + cache.variance * new,
        }


def _count_values(backend: Backend, x: Array) -> int:
    """Return how many values a channel has in the whole batch."""
    return backend.count_samples(x.shape[0]) * math.prod(x.shape[2:])


def _axes(x: Array) -> tuple[int, ...]:
    return (0, *range(2, x.ndim))


def _broadcast(x: Array) -> Shape:
    return (1, x.shape[1]) + (1,) * (x.ndim - 2)
