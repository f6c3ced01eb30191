"""The oracle: every primitive as its definition reads, in float64, to be verified by reading.

It is slow. It loops over output positions; at each, samples and channels are computed together. It shares no code with
the other backends, so that it can detect their mistakes.
"""

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from cnnkit.backends.execution import require_threads
from cnnkit.backends.protocol import Backend, Native, Padding, Pair, Shape, Sizes, Step


class ReferenceBackend(Backend):
    """The primitives by their definitions; floating point is float64 whatever dtype is asked for."""

    name = "reference"

    def __init__(self, device: str | None = None, threads: int | None = None) -> None:
        require_threads(threads)

    def asarray(self, values: Any, dtype: str | None = None) -> Native:
        array = np.asarray(values, dtype)
        return array.astype(np.float64) if array.dtype.kind == "f" else array

    def to_numpy(self, x: Native) -> Native:
        return np.asarray(x)

    def zeros(self, shape: Shape, dtype: str) -> Native:
        return self.asarray(np.zeros(shape), dtype)

    def arange(self, count: int) -> Native:
        return np.arange(count)

    def uniform(self, key: Pair, step: Any, shape: Shape, start: int = 0) -> Native:
        first, size = start // 4, math.prod(shape)
        words = [word for block in range(first, (start + size + 3) // 4) for word in _philox(key, int(step), block)]
        draws = [word >> 8 for word in words[start % 4 : start % 4 + size]]
        return np.array(draws, np.float64).reshape(shape) / 2**24

    # ---- element by element, reductions, moving: by NumPy

    def exp(self, x: Native) -> Native:
        with np.errstate(over="ignore"):
            return np.exp(x)

    def log(self, x: Native) -> Native:
        return np.log(x)

    def log1p(self, x: Native) -> Native:
        return np.log1p(x)

    def sqrt(self, x: Native) -> Native:
        return np.sqrt(x)

    def tanh(self, x: Native) -> Native:
        return _apply(math.tanh, x)  # NumPy's is up to 3 units in the last place off

    def erf(self, x: Native) -> Native:
        return _apply(math.erf, x)

    def maximum(self, x: Native, other: Native) -> Native:
        return np.maximum(x, other)

    def where(self, condition: Native, x: Native, y: Native) -> Native:
        return np.where(condition, x, y)

    def sum(self, x: Native, axis: Any = None, keepdims: bool = False) -> Native:
        return np.sum(x, axis=axis, keepdims=keepdims)

    def mean(self, x: Native, axis: Any = None, keepdims: bool = False) -> Native:
        return np.mean(x, axis=axis, keepdims=keepdims)

    def max(self, x: Native, axis: int | None = None, keepdims: bool = False) -> Native:
        return np.max(x, axis=axis, keepdims=keepdims)

    def argmax(self, x: Native, axis: int) -> Native:
        return np.argmax(x, axis=axis)

    def take(self, x: Native, indices: Native, axis: int = 0) -> Native:
        return np.take(x, indices, axis=axis)

    def transpose(self, x: Native, axes: tuple[int, ...]) -> Native:
        return np.transpose(x, axes)

    def concatenate(self, arrays: Sequence[Native], axis: int = 0) -> Native:
        return np.concatenate(arrays, axis=axis)

    def matmul(self, x: Native, y: Native) -> Native:
        return np.matmul(x, y)

    def compile(self, step: Step, impure: str | None = None) -> Step:
        def run(*arguments: Any) -> Any:
            with np.errstate(all="ignore"):  # training looks at the loss, and explains infinities and NaN
                return step(*arguments)

        return run

    # ---- convolution: y[n,o,p,q] = sum over i,a,b of weight[o,i,a,b] * x[n,i,p*s+a*d-top,q*s+b*d-left]
    # An output position is called `at`; it is (p,), (p, q) or (p, q, r) by the number of spatial axes.

    def convolve(
        self, x: Native, weight: Native, stride: Sizes, padding: Padding, dilation: Sizes, groups: int
    ) -> Native:
        framed, window = _frame(x, padding, 0.0), weight.shape[2:]
        y: Native = np.zeros((len(x), len(weight), *_outputs(framed, window, stride, dilation)))
        axes = tuple(range(1, x.ndim))  # channels, and places in the window
        for at, seen in _positions(y.shape[2:], window, stride, dilation):
            patch = framed[seen]
            for inputs, outputs in _groups(x.shape[1], len(weight), groups):
                y[:, outputs, *at] = np.tensordot(patch[:, inputs], weight[outputs], (axes, axes))
        return y

    def convolve_input_gradient(
        self, dy: Native, weight: Native, x_shape: Shape, stride: Sizes, padding: Padding, dilation: Sizes, groups: int
    ) -> Native:
        dframed = _frame(np.zeros(x_shape), padding, 0.0)
        for at, seen in _positions(dy.shape[2:], weight.shape[2:], stride, dilation):
            dpatch = dframed[seen]
            for inputs, outputs in _groups(x_shape[1], len(weight), groups):
                dpatch[:, inputs] += np.tensordot(dy[:, outputs, *at], weight[outputs], (1, 0))
        return _unframe(dframed, padding)

    def convolve_weight_gradient(
        self, dy: Native, x: Native, weight_shape: Shape, stride: Sizes, padding: Padding, dilation: Sizes, groups: int
    ) -> Native:
        framed = _frame(x, padding, 0.0)
        dweight = np.zeros(weight_shape)
        for at, seen in _positions(dy.shape[2:], weight_shape[2:], stride, dilation):
            patch = framed[seen]
            for inputs, outputs in _groups(x.shape[1], weight_shape[0], groups):
                dweight[outputs] += np.tensordot(dy[:, outputs, *at], patch[:, inputs], (0, 0))
        return dweight

    # ---- pooling

    def max_pool(
        self, x: Native, window: Sizes, stride: Sizes, padding: Padding, dilation: Sizes
    ) -> tuple[Native, Any]:
        framed, inside = _frame(x, padding, 0.0), _frame(np.ones((1, 1, *x.shape[2:])), padding, 0.0)
        y: Native = np.zeros((*x.shape[:2], *_outputs(framed, window, stride, dilation)))
        winners: Native = np.zeros(y.shape, int)  # row-major places in the windows: the first maximum or the last NaN
        for at, seen in _positions(y.shape[2:], window, stride, dilation):
            candidates = np.flatnonzero(inside[seen])  # no padding among them
            values = framed[seen].reshape(*x.shape[:2], math.prod(window))[:, :, candidates]
            absent = np.isnan(values)
            last_absent = len(candidates) - 1 - absent[:, :, ::-1].argmax(axis=2)
            chosen = np.where(absent.any(axis=2), last_absent, values.argmax(axis=2))
            winners[:, :, *at] = candidates[chosen]
            y[:, :, *at] = np.take_along_axis(values, chosen[:, :, None], axis=2)[:, :, 0]
        return y, winners

    def max_pool_gradient(
        self, dy: Native, saved: Any, x_shape: Shape, window: Sizes, stride: Sizes, padding: Padding, dilation: Sizes
    ) -> Native:
        dframed = _frame(np.zeros(x_shape), padding, 0.0)
        samples, channels = np.indices(x_shape[:2])
        for at, seen in _positions(dy.shape[2:], window, stride, dilation):
            place = np.unravel_index(saved[:, :, *at], window)
            dframed[seen][samples, channels, *place] += dy[:, :, *at]
        return _unframe(dframed, padding)

    def average_pool(
        self, x: Native, window: Sizes, stride: Sizes, padding: Padding, dilation: Sizes, counted: Padding
    ) -> Native:
        framed, counts = _frame(x, padding, 0.0), _counting(x.shape, padding, counted)
        y: Native = np.zeros((*x.shape[:2], *_outputs(framed, window, stride, dilation)))
        axes = tuple(range(2, x.ndim))
        for at, seen in _positions(y.shape[2:], window, stride, dilation):
            y[:, :, *at] = framed[seen].sum(axis=axes) / counts[seen].sum()
        return y

    def average_pool_gradient(
        self, dy: Native, x_shape: Shape, window: Sizes, stride: Sizes, padding: Padding, dilation: Sizes,
        counted: Padding,
    ) -> Native:  # fmt: skip
        dframed, counts = _frame(np.zeros(x_shape), padding, 0.0), _counting(x_shape, padding, counted)
        for at, seen in _positions(dy.shape[2:], window, stride, dilation):
            share = dy[:, :, *at] / counts[seen].sum()
            dframed[seen] += share.reshape((*share.shape, *(1 for _ in window)))
        return _unframe(dframed, padding)


def _apply(function: Callable[[float], float], x: Native) -> Native:
    return np.array([function(v) for v in np.ravel(x)], np.float64).reshape(np.shape(x))


def _frame(x: Native, padding: Padding, fill: float) -> Native:
    return np.pad(x, ((0, 0), (0, 0), *padding), constant_values=fill)


def _unframe(framed: Native, padding: Padding) -> Native:
    inside = (slice(begin, size - end) for (begin, end), size in zip(padding, framed.shape[2:], strict=True))
    return framed[:, :, *inside].copy()


def _counting(x_shape: Shape, padding: Padding, counted: Padding) -> Native:
    """Return a framed image of ones where a pixel counts in a mean: in the image, and in `counted` around it."""
    rest = tuple((b - cb, e - ce) for (b, e), (cb, ce) in zip(padding, counted, strict=True))
    return _frame(_frame(np.ones((1, 1, *x_shape[2:])), counted, 1.0), rest, 0.0)


def _outputs(framed: Native, window: Sizes, stride: Sizes, dilation: Sizes) -> Sizes:
    geometry = zip(framed.shape[2:], window, stride, dilation, strict=True)
    return tuple((size - d * (w - 1) - 1) // s + 1 for size, w, s, d in geometry)


def _positions(
    outputs: Sizes, window: Sizes, stride: Sizes, dilation: Sizes
) -> Iterator[tuple[Sizes, tuple[slice, ...]]]:
    """Yield (at, seen): an output position, and the index of what it sees of the framed images."""
    for at in itertools.product(*map(range, outputs)):
        geometry = zip(at, window, stride, dilation, strict=True)
        yield at, (slice(None), slice(None), *(slice(p * s, p * s + d * (w - 1) + 1, d) for p, w, s, d in geometry))


def _groups(inputs: int, outputs: int, groups: int) -> Iterator[tuple[slice, slice]]:
    """Yield the input and output channels of each group."""
    i, o = inputs // groups, outputs // groups
    for g in range(groups):
        yield slice(g * i, (g + 1) * i), slice(g * o, (g + 1) * o)


def _philox(key: Pair, step: int, block: int) -> list[int]:
    """Return four words of 32 random bits: Philox4x32-10 at (block, step). Salmon et al. 2011."""
    counter = [block % 2**32, block >> 32, step % 2**32, step >> 32]
    k0, k1 = key
    for _ in range(10):
        high0, low0 = divmod(0xD2511F53 * counter[0], 2**32)
        high1, low1 = divmod(0xCD9E8D57 * counter[2], 2**32)
        counter = [high1 ^ counter[1] ^ k0, low1, high0 ^ counter[3] ^ k1, low0]
        k0, k1 = (k0 + 0x9E3779B9) % 2**32, (k1 + 0xBB67AE85) % 2**32
    return counter
