"""GlobalAvgPool1D ... 3D and GlobalMaxPool1D ... 3D: each channel becomes its mean, or its largest value."""

import math
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple

from cnnkit.backends.protocol import Array, Shape
from cnnkit.contracts import dtype_name
from cnnkit.layers.base import Context, Layer
from cnnkit.layers.fields import ADDED_LATER, require_flag
from cnnkit.layers.spatial import describe_x, reshape_hint
from cnnkit.tree import Tree


@dataclass(frozen=True)
class GlobalPooling(Layer):
    """One value of each channel: x (N, C, ...), y (N, C); with keepdims (N, C, 1, ...)."""

    keepdims: bool = field(default=False, metadata=ADDED_LATER)
    rank: ClassVar[int]

    def __post_init__(self) -> None:
        require_flag(self.type, "keepdims", self.keepdims)

    def output_shape(self, x_shape: Shape) -> Shape:
        if len(x_shape) != 1 + self.rank:
            raise self.refuse(describe_x(self.rank), x_shape, reshape_hint(x_shape, self.rank))
        return (x_shape[0], *(1,) * (self.rank if self.keepdims else 0))

    def reach(self, x_shape: Shape) -> None:
        return None


@dataclass(frozen=True)
class GlobalAveragePooling(GlobalPooling):
    """y[c] = the mean of x[c]."""

    def forward(self, context: Context, params: Tree, state: Tree, x: Array) -> tuple[Array, Any]:
        return context.backend.mean(x, axis=tuple(range(2, x.ndim)), keepdims=self.keepdims), x

    def backward(self, context: Context, params: Tree, cache: Any, dy: Array) -> tuple[Array, Tree]:
        n, c, *sizes = cache.shape
        share = (dy / math.prod(sizes)).reshape((n, c, *(1,) * len(sizes)))
        return share + context.backend.zeros(tuple(cache.shape), "float32"), {}  # spreads share; its own dtype wins


class MaximumCache(NamedTuple):
    """What the backward pass of a GlobalMaximumPooling needs."""

    places: Array  # (N, C, 1): where each channel's values, in row-major order, have their maximum
    x_shape: Shape


@dataclass(frozen=True)
class GlobalMaximumPooling(GlobalPooling):
    """y[c] = the largest value of x[c]; of equal values the first in row-major order gets the gradient.

    A channel with NaN in it gives NaN, and its last NaN gets the gradient, as in the backend's max_pool.
    """

    def forward(self, context: Context, params: Tree, state: Tree, x: Array) -> tuple[Array, Any]:
        backend, (n, c) = context.backend, x.shape[:2]
        values = x.reshape((n, c, -1))
        positions = backend.arange(values.shape[2])
        last_nan = backend.max(backend.where(values != values, positions, -1), axis=2)  # noqa: PLR0124
        places = backend.where(last_nan < 0, backend.argmax(values, axis=2), last_nan)
        y = backend.max(values, axis=2).reshape((n, *self.output_shape(x.shape[1:])))
        return y, MaximumCache(places.reshape((n, c, 1)), tuple(x.shape))

    def backward(self, context: Context, params: Tree, cache: Any, dy: Array) -> tuple[Array, Tree]:
        backend, (n, c, *sizes) = context.backend, cache.x_shape
        chosen = backend.arange(math.prod(sizes)) == cache.places
        spread = dy.reshape((n, c, 1)) + backend.zeros((n, c, math.prod(sizes)), dtype_name(dy))
        return backend.where(chosen, spread, 0.0).reshape(cache.x_shape), {}


@dataclass(frozen=True)
class GlobalAvgPool1D(GlobalAveragePooling):
    """GlobalAveragePooling of signals: x (N, C, L), y (N, C)."""

    rank: ClassVar = 1


@dataclass(frozen=True)
class GlobalAvgPool2D(GlobalAveragePooling):
    """GlobalAveragePooling of images: x (N, C, H, W), y (N, C)."""

    rank: ClassVar = 2


@dataclass(frozen=True)
class GlobalAvgPool3D(GlobalAveragePooling):
    """GlobalAveragePooling of volumes: x (N, C, D, H, W), y (N, C)."""

    rank: ClassVar = 3


@dataclass(frozen=True)
class GlobalMaxPool1D(GlobalMaximumPooling):
    """GlobalMaximumPooling of signals: x (N, C, L), y (N, C)."""

    rank: ClassVar = 1


@dataclass(frozen=True)
class GlobalMaxPool2D(GlobalMaximumPooling):
    """GlobalMaximumPooling of images: x (N, C, H, W), y (N, C)."""

    rank: ClassVar = 2


@dataclass(frozen=True)
class GlobalMaxPool3D(GlobalMaximumPooling):
    """GlobalMaximumPooling of volumes: x (N, C, D, H, W), y (N, C)."""

    rank: ClassVar = 3
