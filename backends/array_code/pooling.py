"""Pooling and its gradients as a few operations on whole slices, one slice a position of the window."""

from typing import Any

from cnnkit.backends.array_code.windows import Tools, channels_first, output_sizes, padded, slices, unpadded
from cnnkit.backends.protocol import Native, Padding, Pair, Shape

_DENSE = (1, 1)  # pooling has no dilation


def max_forward(
    tools: Tools, x: Native, window: Pair, stride: Pair, padding: Padding
) -> tuple[Native, tuple[Native, Native]]:
    """Return (y, (x, y)): the maximum of each window of x (N, C, H, W)."""
    frame = padded(tools, channels_first(x), padding, -tools.xp.inf)
    best = None
    for _, _, view in slices(frame, window, stride, _DENSE, output_sizes(x.shape, window, stride, padding)):
        best = view.copy() if best is None else tools.xp.maximum(best, view, out=best)
    y = channels_first(best)
    return y, (x, y)


def max_gradient(
    tools: Tools,
    dy: Native,
    saved: tuple[Native, Native],
    window: Pair,
    stride: Pair,
    padding: Padding,
) -> Native:
    """Return dx (N, C, H, W): dy at the first position of each window that equals its maximum."""
    x, y = saved
    frame = padded(tools, channels_first(x), padding, -tools.xp.inf)
    dframe = tools.xp.zeros(frame.shape, dy.dtype)
    best, rest = channels_first(y), channels_first(dy)
    outputs = y.shape[2:]
    free = tools.xp.ones(best.shape, bool)
    places = slices(dframe, window, stride, _DENSE, outputs)
    for (_, _, view), (_, _, dview) in zip(slices(frame, window, stride, _DENSE, outputs), places, strict=True):
        hit = view == best
        hit &= free
        free ^= hit
        tools.xp.add(dview, rest * hit, out=dview)
    return channels_first(unpadded(dframe, padding))


def average_forward(
    tools: Tools, x: Native, window: Pair, stride: Pair, padding: Padding, count_padding: bool
) -> Native:
    """Return the mean of each window of x (N, C, H, W)."""
    frame = padded(tools, channels_first(x), padding, 0)
    total = None
    for _, _, view in slices(frame, window, stride, _DENSE, output_sizes(x.shape, window, stride, padding)):
        total = view.copy() if total is None else tools.xp.add(total, view, out=total)
    return channels_first(total / _counts(tools.xp, x.shape, x.dtype, window, stride, padding, count_padding))


def average_gradient(
    tools: Tools, dy: Native, x_shape: Shape, window: Pair, stride: Pair, padding: Padding, count_padding: bool
) -> Native:
    """Return dx of x_shape (N, C, H, W): each dy shared out evenly over its window."""
    n, c, h, w = x_shape
    share = channels_first(dy) / _counts(tools.xp, x_shape, dy.dtype, window, stride, padding, count_padding)
    dframe = tools.xp.zeros((c, n, h + sum(padding[0]), w + sum(padding[1])), dy.dtype)
    for _, _, dview in slices(dframe, window, stride, _DENSE, dy.shape[2:]):
        tools.xp.add(dview, share, out=dview)
    return channels_first(unpadded(dframe, padding))


def _counts(
    xp: Any, x_shape: Shape, dtype: Any, window: Pair, stride: Pair, padding: Padding, count_padding: bool
) -> Native:
    """Return how many pixels each window averages, as (OH, OW) or (1, 1)."""
    if count_padding:
        return xp.full((1, 1), window[0] * window[1], dtype)
    sizes = []
    for axis, outputs in enumerate(output_sizes(x_shape, window, stride, padding)):
        first = xp.arange(outputs) * stride[axis] - padding[axis][0]
        last = xp.minimum(first + window[axis], x_shape[2 + axis])
        sizes.append(last - xp.maximum(first, 0))
    return (sizes[0][:, None] * sizes[1][None, :]).astype(dtype)
