"""NumPy with exact numerics."""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from cnnkit.backends.exact.exact_numerics import ExactNumerics
from cnnkit.backends.exact.exact_sums import Grid, Split
from cnnkit.backends.numpy_cpu.capture.memory import empty_like
from cnnkit.backends.numpy_cpu.kernels.windows import samples_last_in_memory
from cnnkit.backends.numpy_cpu.numpy_backend import NumpyBackend
from cnnkit.backends.protocol import Native, Shape

Index = tuple[Any, ...]
SHARD = 32  # samples of a convolution at a time
PIECE_VALUES = 1 << 16  # of an array at a time, so that all passes over them find them in the cache


class ExactNumpyBackend(ExactNumerics, NumpyBackend):
    """NumpyBackend with exact sums.

    Layers see the batch as one shard, because the grids of weights' gradients belong to all of it. Convolutions and
    passes over large arrays cut it themselves, for cache and threads: the cuts change no bit.
    """

    def shard_size(self, x_shape: Shape) -> int:
        return max(1, x_shape[0])

    # ---- passes over an array, piece by piece

    def _over_pieces(self, name: str, function: Callable[[Index], Any], x: Native) -> tuple[list[Any], int]:
        """Return ([function(index of a piece of x), ...], axis): pieces along the axis that is outermost in memory."""
        axis = max(range(x.ndim), key=lambda i: (x.shape[i] > 1, x.strides[i]), default=0)
        if x.size < 2 * PIECE_VALUES:
            return [function((...,))], axis
        size = max(1, PIECE_VALUES * x.shape[axis] // x.size)
        before = (slice(None),) * axis
        run = lambda start: function((*before, slice(start, start + size)))  # noqa: E731
        return self._run_pieces((name, x.shape), run, range(0, x.shape[axis], size)), axis

    def find_largest(self, x: Native, axes: tuple[int, ...]) -> Native:
        if 0 in x.shape:
            return super().find_largest(x, axes)

        def find(piece: Index) -> Native:
            high = np.maximum.reduce(x[piece], axis=axes, keepdims=True)
            return np.maximum(high, -np.minimum.reduce(x[piece], axis=axes, keepdims=True))

        found, axis = self._over_pieces("largest", find, x)
        if axis in axes:
            return functools.reduce(np.maximum, found)
        return found[0] if len(found) == 1 else np.concatenate(found, axis)

    def round(self, x: Native, shift: Native) -> Native:
        y = empty_like(self, x, dtype=np.float64)
        self._over_pieces("round", lambda piece: _round(x[piece], _part(shift, piece), y[piece]), x)
        return y

    def sum_on_grid(self, x: Native, shift: Native, axes: tuple[int, ...], keepdims: bool) -> Native:
        def add(piece: Index) -> Native:
            y = self.scratch("grid", x[piece].shape, np.dtype(np.float64))
            _round(x[piece], _part(shift, piece), y)
            return np.add.reduce(y, axis=axes, keepdims=True)

        sums, axis = self._over_pieces("sum", add, x)
        total = functools.reduce(np.add, sums) if axis in axes else np.concatenate(sums, axis)
        return total if keepdims else total.reshape([n for i, n in enumerate(x.shape) if i not in axes])

    def narrow(self, x: Native) -> Native:
        y = empty_like(self, x, dtype=np.float32)

        def convert(piece: Index) -> None:
            with np.errstate(all="ignore"):  # what is too large becomes infinite
                np.add(x[piece], 0.0, out=y[piece], casting="same_kind")

        self._over_pieces("narrow", convert, x)
        return y

    # ---- convolutions, shard by shard

    def _over_shards(self, name: str, function: Callable[..., Any], *arrays: Native) -> list[Any]:
        """Return function(shards of the arrays), in order; samples are last in the memory of a shard."""

        def run(first: int) -> Any:
            return function(*(samples_last_in_memory(self, array[first : first + SHARD]) for array in arrays))

        return self._run_pieces((name, arrays[0].shape), run, range(0, max(len(arrays[0]), 1), SHARD))

    def convolve_on_grid(self, x: Native, bits: int, kernels: Split, *geometry: Any) -> Native:
        whole = super().convolve_on_grid
        return self._join(self._over_shards("convolve", lambda x: whole(x, bits, kernels, *geometry), x))

    def find_input_gradient(self, dy: Native, bits: int, kernels: Split, x_shape: Shape, *geometry: Any) -> Native:
        whole = super().find_input_gradient

        def run(dy: Native) -> Native:
            return whole(dy, bits, kernels, (len(dy), *x_shape[1:]), *geometry)

        return self._join(self._over_shards("input gradient", run, dy))

    def find_weight_gradient(self, dy: Native, x: Native, grids: tuple[Grid, Grid], *geometry: Any) -> Native:
        whole = super().find_weight_gradient
        run = lambda dy, x: whole(dy, x, grids, *geometry)  # noqa: E731
        return functools.reduce(np.add, self._over_shards("weight gradient", run, dy, x))

    def _join(self, shards: list[Native]) -> Native:
        return shards[0] if len(shards) == 1 else self.concatenate(shards)


def _round(x: Native, shift: Native, y: Native) -> None:
    with np.errstate(all="ignore"):  # an infinity becomes NaN
        np.add(x, shift, out=y)
        np.subtract(y, shift, out=y)


def _part(shift: Native, piece: Index) -> Native:
    """Return the shifts of a piece."""
    if piece == (...,):
        return shift
    return shift[tuple(cut if shift.shape[i] > 1 else slice(None) for i, cut in enumerate(piece))]
