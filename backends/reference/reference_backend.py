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
from cnnkit.backends.protocol import Backend, Native, Padding, Pair, Shape, Step


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

    def conv2d(self, x: Native, weight: Native, stride: Pair, padding: Padding, dilation: Pair, groups: int) -> Native:
        framed = _frame(x, padding, 0.0)
        y = np.zeros((len(x), len(weight), *_outputs(framed, weight.shape[2:], stride, dilation)))
        for (p, q), rows, cols in _positions(y.shape[2:], weight.shape[2:], stride, dilation):
            patch = framed[:, :, rows, cols]
            for inputs, outputs in _groups(x.shape[1], len(weight), groups):
                y[:, outputs, p, q] = np.tensordot(patch[:, inputs], weight[outputs], ((1, 2, 3), (1, 2, 3)))
        return y

    def conv2d_input_gradient(
        self, dy: Native, weight: Native, x_shape: Shape, stride: Pair, padding: Padding, dilation: Pair, groups: int
    ) -> Native:
        dframed = _frame(np.zeros(x_shape), padding, 0.0)
        for (p, q), rows, cols in _positions(dy.shape[2:], weight.shape[2:], stride, dilation):
            for inputs, outputs in _groups(x_shape[1], len(weight), groups):
                dframed[:, inputs, rows, cols] += np.tensordot(dy[:, outputs, p, q], weight[outputs], (1, 0))
        return _unframe(dframed, padding)

    def conv2d_weight_gradient(
        self, dy: Native, x: Native, weight_shape: Shape, stride: Pair, padding: Padding, dilation: Pair, groups: int
    ) -> Native:
        framed = _frame(x, padding, 0.0)
        dweight = np.zeros(weight_shape)
        for (p, q), rows, cols in _positions(dy.shape[2:], (weight_shape[2], weight_shape[3]), stride, dilation):
            patch = framed[:, :, rows, cols]
            for inputs, outputs in _groups(x.shape[1], weight_shape[0], groups):
                dweight[outputs] += np.tensordot(dy[:, outputs, p, q], patch[:, inputs], (0, 0))
        return dweight

    # ---- pooling

    def max_pool2d(self, x: Native, window: Pair, stride: Pair, padding: Padding) -> tuple[Native, Any]:
        framed, inside = _frame(x, padding, 0.0), _frame(np.ones((1, 1, *x.shape[2:])), padding, 0.0)
        y: Native = np.zeros((*x.shape[:2], *_outputs(framed, window, stride)))
        winners = np.zeros(y.shape, int)  # row-major position in its window of the first maximum, or of the last NaN
        for (p, q), rows, cols in _positions(y.shape[2:], window, stride):
            candidates = np.flatnonzero(inside[:, :, rows, cols])  # no padding among them
            seen = framed[:, :, rows, cols].reshape(*x.shape[:2], window[0] * window[1])[:, :, candidates]
            absent = np.isnan(seen)
            last_absent = len(candidates) - 1 - absent[:, :, ::-1].argmax(axis=2)
            chosen = np.where(absent.any(axis=2), last_absent, seen.argmax(axis=2))
            winners[:, :, p, q] = candidates[chosen]
            y[:, :, p, q] = np.take_along_axis(seen, chosen[:, :, None], axis=2)[:, :, 0]
        return y, winners

    def max_pool2d_gradient(
        self, dy: Native, saved: Any, x_shape: Shape, window: Pair, stride: Pair, padding: Padding
    ) -> Native:
        dframed = _frame(np.zeros(x_shape), padding, 0.0)
        samples, channels = np.indices(x_shape[:2])
        for p, q in itertools.product(range(dy.shape[2]), range(dy.shape[3])):
            a, b = np.divmod(saved[:, :, p, q], window[1])
            dframed[samples, channels, p * stride[0] + a, q * stride[1] + b] += dy[:, :, p, q]
        return _unframe(dframed, padding)

    def average_pool2d(self, x: Native, window: Pair, stride: Pair, padding: Padding, count_padding: bool) -> Native:
        framed, counted = _frame(x, padding, 0.0), _frame(np.ones(x.shape), padding, float(count_padding))
        y: Native = np.zeros((*x.shape[:2], *_outputs(framed, window, stride)))
        for (p, q), rows, cols in _positions(y.shape[2:], window, stride):
            y[:, :, p, q] = framed[:, :, rows, cols].sum(axis=(2, 3)) / counted[:, :, rows, cols].sum(axis=(2, 3))
        return y

    def average_pool2d_gradient(
        self, dy: Native, x_shape: Shape, window: Pair, stride: Pair, padding: Padding, count_padding: bool
    ) -> Native:
        dframed, counted = (
            _frame(np.zeros(x_shape), padding, 0.0),
            _frame(np.ones(x_shape), padding, float(count_padding)),
        )
        for (p, q), rows, cols in _positions(dy.shape[2:], window, stride):
            count = counted[:, :, rows, cols].sum(axis=(2, 3))
            dframed[:, :, rows, cols] += (dy[:, :, p, q] / count)[:, :, None, None]
        return _unframe(dframed, padding)


def _apply(function: Callable[[float], float], x: Native) -> Native:
    return np.array([function(v) for v in np.ravel(x)], np.float64).reshape(np.shape(x))


def _frame(x: Native, padding: Padding, fill: float) -> Native:
    return np.pad(x, ((0, 0), (0, 0), *padding), constant_values=fill)


def _unframe(framed: Native, padding: Padding) -> Native:
    (top, bottom), (left, right) = padding
    return framed[:, :, top : framed.shape[2] - bottom, left : framed.shape[3] - right].copy()


def _outputs(framed: Native, window: Pair, stride: Pair, dilation: Pair = (1, 1)) -> Pair:
    height, width = ((framed.shape[2 + i] - dilation[i] * (window[i] - 1) - 1) // stride[i] + 1 for i in (0, 1))
    return height, width


def _positions(
    outputs: Pair, window: Pair, stride: Pair, dilation: Pair = (1, 1)
) -> Iterator[tuple[Pair, slice, slice]]:
    """Yield ((p, q), rows, columns): what output (p, q) sees of the framed image."""
    for p, q in itertools.product(range(outputs[0]), range(outputs[1])):
        top, left = p * stride[0], q * stride[1]
        yield (
            (p, q),
            slice(top, top + dilation[0] * (window[0] - 1) + 1, dilation[0]),
            slice(left, left + dilation[1] * (window[1] - 1) + 1, dilation[1]),
        )


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
