"""AdaptiveAvgPool1D ... 3D and AdaptiveMaxPool1D ... 3D: as many windows as the output has values, for any x."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

from cnnkit.backends.protocol import Array, Backend, Shape, Sizes
from cnnkit.contracts import dtype_name
from cnnkit.layers.base import Context, Layer, Reach, window_reach
from cnnkit.layers.fields import require_size
from cnnkit.layers.spatial import Size, describe_x, per_axis, reshape_hint
from cnnkit.layers.windows.adaptive_windows import WindowSet, split_windows
from cnnkit.layers.windows.pooling import PoolGeometry
from cnnkit.tree import Tree


class EvenlyPooled(NamedTuple):
    """What the backward pass of one ordinary pooling needs."""

    saved: Any
    x_shape: Shape
    how: PoolGeometry


class PooledAxis(NamedTuple):
    """What the backward pass needs of pooling along an axis: what each set of windows saved."""

    axis: int
    saved: list[Any]
    x_shape: Shape


@dataclass(frozen=True)
class AdaptivePooling(Layer):
    """Window i of `size` over N pixels is [floor(i*N/size), ceil((i + 1)*N/size)) along each axis, as torch has it.

    size: of the output, one number or one for each spatial axis. Where it divides N, this is ordinary pooling;
    otherwise one axis is pooled after the other, from the last one, which keeps the row-major order of equal values.
    """

    size: Size
    rank: ClassVar[int]

    def __post_init__(self) -> None:
        require_size(self.type, "size", self.size, rank=self.rank)

    @property
    def sizes(self) -> Sizes:
        """The output's size along each spatial axis."""
        return per_axis(self.size, self.rank)

    def output_shape(self, x_shape: Shape) -> Shape:
        if len(x_shape) != 1 + self.rank:
            raise self.refuse(describe_x(self.rank), x_shape, reshape_hint(x_shape, self.rank))
        return (x_shape[0], *self.sizes)

    def reach(self, x_shape: Shape) -> Reach | None:
        how = self._divide_evenly(x_shape)
        return None if how is None else window_reach(x_shape[1:], *how)

    @abstractmethod
    def pool(self, backend: Backend, x: Array, how: PoolGeometry) -> tuple[Array, Any]:
        """Return (y, saved) of ordinary pooling."""

    @abstractmethod
    def pool_gradient(self, backend: Backend, dy: Array, saved: Any, x_shape: Shape, how: PoolGeometry) -> Array:
        """Return dx of `pool`."""

    def _divide_evenly(self, x_shape: Shape) -> PoolGeometry | None:
        """Return the windows where each axis of x divides into as many equal ones, otherwise None."""
        if any(n % o for n, o in zip(x_shape[1:], self.sizes, strict=True)):
            return None
        window = tuple(n // o for n, o in zip(x_shape[1:], self.sizes, strict=True))
        return PoolGeometry(window, window, ((0, 0),) * self.rank, (1,) * self.rank)

    def forward(self, context: Context, params: Tree, state: Tree, x: Array) -> tuple[Array, Any]:
        backend, how = context.backend, self._divide_evenly(x.shape[1:])
        if how is not None:
            y, saved = self.pool(backend, x, how)
            return y, [EvenlyPooled(saved, tuple(x.shape), how)]
        caches = []
        for axis in reversed(range(2, x.ndim)):
            pieces, saved, x_shape = [], [], x.shape
            for windows in split_windows(x_shape[axis], self.sizes[axis - 2]):
                y, kept = self.pool(backend, x[_cut(axis, windows)], self._along(axis, windows))
                pieces.append(y.reshape((*y.shape[: axis + 1], 1, *y.shape[axis + 1 :])))
                saved.append(kept)
            x = backend.concatenate(pieces, axis=axis + 1)
            x = x.reshape((*x.shape[:axis], x.shape[axis] * x.shape[axis + 1], *x.shape[axis + 2 :]))
            caches.append(PooledAxis(axis, saved, tuple(x_shape)))
        return x, caches

    def backward(self, context: Context, params: Tree, cache: Any, dy: Array) -> tuple[Array, Tree]:
        backend = context.backend
        for pooled in reversed(cache):
            if isinstance(pooled, EvenlyPooled):
                dy = self.pool_gradient(backend, dy, *pooled)
            else:
                dy = self._spread(backend, pooled, dy)
        return dy, {}

    def _spread(self, backend: Backend, pooled: "PooledAxis", dy: Array) -> Array:
        """Return the gradient in what was pooled along one axis."""
        axis, saved, x_shape = pooled
        before, after = x_shape[:axis], x_shape[axis + 1 :]
        pieces = dy.reshape((*before, -1, len(saved), *after))
        dx = backend.zeros(x_shape, dtype_name(dy))
        for number, windows in enumerate(split_windows(x_shape[axis], self.sizes[axis - 2])):
            piece = pieces[(*(slice(None),) * (axis + 1), number)]
            shape = (*before, windows.stop - windows.start, *after)
            part = self.pool_gradient(backend, piece, saved[number], shape, self._along(axis, windows))
            beside = [(*before, count, *after) for count in (windows.start, x_shape[axis] - windows.stop)]
            left, right = ([backend.zeros(sides, dtype_name(dy))] if sides[axis] else [] for sides in beside)
            dx = dx + backend.concatenate([*left, part, *right], axis=axis)
        return dx

    def _along(self, axis: int, windows: WindowSet) -> PoolGeometry:
        """Return the windows of one axis as ordinary pooling, which leaves the other axes alone."""
        place, ones = axis - 2, (1,) * self.rank
        window = (*ones[:place], windows.length, *ones[place + 1 :])
        stride = (*ones[:place], windows.stride, *ones[place + 1 :])
        return PoolGeometry(window, stride, ((0, 0),) * self.rank, ones)


def _cut(axis: int, windows: WindowSet) -> tuple[slice, ...]:
    """Return the index of what the windows cover along an axis."""
    return (*(slice(None),) * axis, slice(windows.start, windows.stop))


@dataclass(frozen=True)
class AdaptiveAveragePooling(AdaptivePooling):
    """y = the mean of each window."""

    def pool(self, backend: Backend, x: Array, how: PoolGeometry) -> tuple[Array, Any]:
        return backend.average_pool(x, *how, how.padding), None

    def pool_gradient(self, backend: Backend, dy: Array, saved: Any, x_shape: Shape, how: PoolGeometry) -> Array:
        return backend.average_pool_gradient(dy, x_shape, *how, how.padding)


@dataclass(frozen=True)
class AdaptiveMaximumPooling(AdaptivePooling):
    """y = the largest value of each window; of equal values the first in row-major order gets the gradient."""

    def pool(self, backend: Backend, x: Array, how: PoolGeometry) -> tuple[Array, Any]:
        return backend.max_pool(x, *how)

    def pool_gradient(self, backend: Backend, dy: Array, saved: Any, x_shape: Shape, how: PoolGeometry) -> Array:
        return backend.max_pool_gradient(dy, saved, x_shape, *how)


@dataclass(frozen=True)
class AdaptiveAvgPool1D(AdaptiveAveragePooling):
    """AdaptiveAveragePooling of signals: x (N, C, L), y (N, C, OL) with (OL,) = size."""

    rank: ClassVar = 1


@dataclass(frozen=True)
class AdaptiveAvgPool2D(AdaptiveAveragePooling):
    """AdaptiveAveragePooling of images: x (N, C, H, W), y (N, C, OH, OW) with (OH, OW) = size."""

    rank: ClassVar = 2


@dataclass(frozen=True)
class AdaptiveAvgPool3D(AdaptiveAveragePooling):
    """AdaptiveAveragePooling of volumes: x (N, C, D, H, W), y (N, C, OD, OH, OW) with (OD, OH, OW) = size."""

    rank: ClassVar = 3


@dataclass(frozen=True)
class AdaptiveMaxPool1D(AdaptiveMaximumPooling):
    """AdaptiveMaximumPooling of signals: x (N, C, L), y (N, C, OL) with (OL,) = size."""

    rank: ClassVar = 1


@dataclass(frozen=True)
class AdaptiveMaxPool2D(AdaptiveMaximumPooling):
    """AdaptiveMaximumPooling of images: x (N, C, H, W), y (N, C, OH, OW) with (OH, OW) = size."""

    rank: ClassVar = 2


@dataclass(frozen=True)
class AdaptiveMaxPool3D(AdaptiveMaximumPooling):
    """AdaptiveMaximumPooling of volumes: x (N, C, D, H, W), y (N, C, OD, OH, OW) with (OD, OH, OW) = size."""

    rank: ClassVar = 3
