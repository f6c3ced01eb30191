"""Pooling and its gradients on NumPy: a few operations on whole planes, one plane for each position in the window."""

import math

import numpy as np

from cnnkit.backends.numpy_cpu.kernels.windows import NumpyTools, Windows, contiguous, framed, samples_first
from cnnkit.backends.protocol import Native, Padding
from cnnkit.backends.shared.windows import count_pixels

_BOOL = np.dtype(bool)


def max_forward(tools: NumpyTools, x: Native, windows: Windows) -> tuple[Native, Native]:
    """Return (y, saved): the maximum of each window of x (N, C, H, W), and its position in the window, 0 the first.

    Of equal values the first counts, of several NaN the last; padding never does.
    """
    frame = framed(tools, x, windows, -np.inf)
    first, *others = windows.places.values()
    best = _copy(tools, frame[first])
    place = tools.empty(best.shape, windows.first_inside.dtype)
    np.copyto(place, windows.first_inside)
    plane = tools.scratch("plane", best.shape, best.dtype)
    higher = tools.scratch("higher", best.shape, _BOOL)
    absent = tools.scratch("absent", best.shape, _BOOL)
    at = tools.scratch("at", best.shape, place.dtype)
    for i, other in enumerate(others, 1):
        np.copyto(plane, frame[other])  # one read with gaps instead of two
        np.greater(plane, best, out=higher)
        np.not_equal(plane, plane, out=absent)  # NaN, which is greater than nothing
        np.logical_or(higher, absent, out=higher)
        np.maximum(plane, best, out=best)
        np.multiply(higher, place.dtype.type(i), out=at)
        np.maximum(place, at, out=place)
    return samples_first(best), place


def max_gradient(tools: NumpyTools, dy: Native, place: Native, windows: Windows) -> Native:
    """Return dx (N, C, H, W): dy at the position of each window's maximum, zero elsewhere."""
    dy = contiguous(tools, dy, "dy")
    dframe = tools.empty(windows.frame_shape, dy.dtype)
    if not windows.tiled:
        dframe.fill(0)
    here = tools.scratch("higher", dy.shape, _BOOL)
    share = tools.scratch("plane", dy.shape, dy.dtype)
    for i, where in enumerate(windows.places.values()):
        np.equal(place, i, out=here)
        np.copyto(share, here)  # to numbers at once: inside multiply, NumPy would convert in small pieces
        if windows.apart:
            np.multiply(dy, share, out=dframe[where])
        else:
            np.multiply(dy, share, out=share)
            np.add(dframe[where], share, out=dframe[where])
    return windows.inside(dframe)


def average_forward(tools: NumpyTools, x: Native, windows: Windows, counted: Padding) -> Native:
    """Return the mean of each window of x (N, C, H, W)."""
    frame = framed(tools, x, windows, 0)
    first, *others = windows.places.values()
    total = _copy(tools, frame[first])
    for other in others:
        np.add(total, frame[other], out=total)
    np.divide(total, _counts(windows, x.dtype, counted), out=total)
    return samples_first(total)


def average_gradient(tools: NumpyTools, dy: Native, windows: Windows, counted: Padding) -> Native:
    """Return dx (N, C, H, W): each dy divided evenly over its window."""
    share = contiguous(tools, dy, "dy") / _counts(windows, dy.dtype, counted)
    dframe = tools.empty(windows.frame_shape, dy.dtype)
    dframe.fill(0)
    for where in windows.places.values():
        np.add(dframe[where], share, out=dframe[where])
    return windows.inside(dframe)


def _copy(tools: NumpyTools, x: Native) -> Native:
    copy = tools.empty(x.shape, x.dtype)
    np.copyto(copy, x)
    return copy


def _counts(windows: Windows, dtype: np.dtype, counted: Padding) -> Native:
    """Return how many pixels each window averages, as (OH, OW, 1) or (1, 1, 1)."""
    if counted == windows.padding:
        return np.full((1,) * (len(windows.size) + 1), math.prod(windows.size), dtype)
    geometry = windows.x_shape[2:], windows.size, windows.stride, windows.padding, windows.dilation, counted
    counts = np.ones((), np.int64)
    for along in map(count_pixels, *geometry):
        counts = counts[..., None] * along
    return counts[..., None].astype(dtype)
