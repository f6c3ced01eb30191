"""How many windows fit on an image, and how many pixels each of them averages, axis by axis."""

import functools

import numpy as np

from cnnkit.backends.protocol import Native, Padding, Pair, Shape, Sizes


def output_size(size: int, window: int, stride: int, padding: Pair, dilation: int = 1) -> int:
    """O = floor((N + P - D*(F - 1) - 1) / S) + 1."""
    return (size + sum(padding) - dilation * (window - 1) - 1) // stride + 1


def output_sizes(x_shape: Shape, window: Sizes, stride: Sizes, padding: Padding, dilation: Sizes) -> Sizes:
    """Return (OH, OW) of images x_shape (N, C, H, W); as many as there are spatial axes."""
    return tuple(map(output_size, x_shape[2:], window, stride, padding, dilation))


def count_pixels(size: int, window: int, stride: int, padding: Pair, dilation: int, counted: Pair) -> Native:
    """Return (OH,) along one axis: how many of a window's pixels lie in the image or in `counted` padding."""
    first = np.arange(output_size(size, window, stride, padding, dilation)) * stride - padding[0]
    before = np.maximum(-(-(-counted[0] - first) // dilation), 0)  # pixels of the window before what counts
    upto = np.minimum((size + counted[1] - 1 - first) // dilation + 1, window)
    return np.maximum(upto - before, 0)


@functools.lru_cache(maxsize=1024)
def count_window_pixels(
    image: Sizes, window: Sizes, stride: Sizes, padding: Padding, dilation: Sizes, counted: Padding
) -> Native:
    """Return how many pixels each window averages, int64 (OH, OW); one array for each geometry, read-only."""
    counts = np.ones((), np.int64)
    for along in map(count_pixels, image, window, stride, padding, dilation, counted):
        counts = counts[..., None] * along
    counts.flags.writeable = False
    return counts
