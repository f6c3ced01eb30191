"""The composite primitives on NumPy: in place where allowed, in pieces that fit the cache."""

from collections.abc import Callable

import numpy as np

from cnnkit.backends.numpy_cpu.capture.memory import empty_like
from cnnkit.backends.numpy_cpu.kernels.windows import NumpyTools
from cnnkit.backends.protocol import Native

PIECE_BYTES = 1 << 18


def add_bias(x: Native, bias: Native, relu: bool) -> Native:
    """X + bias along axis 1, then max(., 0) if relu, written into x."""
    for channels in _pieces(x):
        part = x[:, channels]
        np.add(part, _along(bias[channels], x.ndim), out=part)
        if relu:
            np.maximum(part, 0, out=part)
    return x


def add_bias_gradient(tools: NumpyTools, dy: Native, y: Native, relu: bool) -> tuple[Native, Native]:
    """The adjoint of add_bias: (dx, dbias)."""
    axes = (0, *range(2, dy.ndim))
    if not relu:
        return dy, np.add.reduce(dy, axis=axes)
    dx, dbias = empty_like(tools, y), tools.empty((y.shape[1],), y.dtype)
    for channels in _pieces(y):
        part = dx[:, channels]
        np.multiply(dy[:, channels], y[:, channels] > 0, out=part)
        np.add.reduce(part, axis=axes, out=dbias[channels])
    return dx, dbias


def _pieces(x: Native) -> list[slice]:
    """Cut axis 1 of an image array into pieces of about PIECE_BYTES; rows (N, O) stay in one piece."""
    channels = x.shape[1]
    if x.ndim == 2 or x.nbytes <= PIECE_BYTES:
        return [slice(0, channels)]
    size = max(1, PIECE_BYTES * channels // x.nbytes)
    return [slice(first, first + size) for first in range(0, channels, size)]


def _along(bias: Native, ndim: int) -> Native:
    return bias if ndim == 2 else bias.reshape((-1,) + (1,) * (ndim - 2))


def one_hot(tools: NumpyTools, labels: Native, like: Native) -> Native:
    """Zeros with a one along axis 1 at each label, in the memory layout of `like`."""
    rows = empty_like(tools, like)
    np.copyto(rows, labels[:, None] == np.arange(like.shape[1]).reshape((-1,) + (1,) * (like.ndim - 2)))
    return rows


def drop_ignored(labels: Native, number: Native, *arrays: Native) -> None:
    """Write the number of labels that are not -1, at least 1, and zeros into arrays (N, K, ...) where one is."""
    if labels.min() >= 0:  # nearly always, and quickly known
        number[...] = labels.size
        return
    ignored = labels < 0
    number[...] = max(labels.size - np.count_nonzero(ignored), 1)
    for array in arrays:
        np.copyto(array, 0, where=ignored[:, None])


def update(formula: Callable[..., tuple[Native, ...]], parameter: Native, gradient: Native, *slots: Native) -> None:
    """(parameter, *slots) = formula(parameter, gradient, *slots), written in place."""
    for target, value in zip((parameter, *slots), formula(parameter, gradient, *slots), strict=True):
        target[...] = value
