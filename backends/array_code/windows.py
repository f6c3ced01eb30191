"""Sliding windows over images kept as (C, N, H, W): padding, slices, im2col and col2im, without fancy indexing."""

from collections.abc import Iterator
from typing import Any, Protocol

from cnnkit.backends.protocol import Native, Padding, Pair, Shape


class Tools(Protocol):
    """What the functions of this folder need of a backend."""

    xp: Any  # numpy or cupy

    def scratch(self, name: str, shape: Shape, dtype: Any) -> Native:
        """Return an uninitialised buffer that lives until the next call with this name."""

    def gemm(self, x: Native, y: Native, out: Native = None) -> Native:
        """Return the matrix product x y, (..., M, K) and (..., K, N), written to `out` if given."""


def channels_first(x: Native) -> Native:
    """View (N, C, H, W) as (C, N, H, W), or back."""
    return x.transpose(1, 0, 2, 3)


def output_size(size: int, window: int, stride: int, padding: Pair, dilation: int = 1) -> int:
    """O = floor((N + P - D*(F - 1) - 1) / S) + 1."""
    return (size + sum(padding) - dilation * (window - 1) - 1) // stride + 1


def output_sizes(x_shape: Shape, window: Pair, stride: Pair, padding: Padding, dilation: Pair = (1, 1)) -> Pair:
    """Return (OH, OW) of images x_shape (N, C, H, W)."""
    return (
        output_size(x_shape[2], window[0], stride[0], padding[0], dilation[0]),
        output_size(x_shape[3], window[1], stride[1], padding[1], dilation[1]),
    )


def padded(tools: Tools, x: Native, padding: Padding, fill: float) -> Native:
    """Return x (C, N, H, W) inside a frame of `fill`; x itself where no padding is asked for."""
    (top, bottom), (left, right) = padding
    if not (top or bottom or left or right):
        return x
    c, n, h, w = x.shape
    frame = tools.scratch("padded", (c, n, h + top + bottom, w + left + right), x.dtype)
    frame[:, :, :top] = fill
    frame[:, :, top + h :] = fill
    frame[:, :, top : top + h, :left] = fill
    frame[:, :, top : top + h, left + w :] = fill
    frame[:, :, top : top + h, left : left + w] = x
    return frame


def unpadded(frame: Native, padding: Padding) -> Native:
    """View the inside of a frame that `padded` made."""
    (top, bottom), (left, right) = padding
    return frame[:, :, top : frame.shape[2] - bottom, left : frame.shape[3] - right]


def slices(
    frame: Native, window: Pair, stride: Pair, dilation: Pair, outputs: Pair
) -> Iterator[tuple[int, int, Native]]:
    """Yield (a, b, view): the view (C, N, OH, OW) holds what position (a, b) of every window sees."""
    for a in range(window[0]):
        top = a * dilation[0]
        rows = slice(top, top + (outputs[0] - 1) * stride[0] + 1, stride[0])
        for b in range(window[1]):
            left = b * dilation[1]
            yield a, b, frame[:, :, rows, left : left + (outputs[1] - 1) * stride[1] + 1 : stride[1]]


def columns(
    tools: Tools, x: Native, window: Pair, stride: Pair, padding: Padding, dilation: Pair
) -> tuple[Native, Pair]:
    """Return im2col of x (N, C, H, W) as (C, KH, KW, N, OH, OW), and (OH, OW)."""
    image = channels_first(x)
    outputs = output_sizes(x.shape, window, stride, padding, dilation)
    frame = padded(tools, image, padding, 0)
    cols = tools.scratch("columns", (image.shape[0], *window, image.shape[1], *outputs), x.dtype)
    for a, b, view in slices(frame, window, stride, dilation, outputs):
        cols[:, a, b] = view
    return cols, outputs


def add_columns(tools: Tools, cols: Native, x_shape: Shape, stride: Pair, padding: Padding, dilation: Pair) -> Native:
    """Return col2im, the adjoint of `columns`: every value of cols (C, KH, KW, N, OH, OW) added where it came from."""
    n, c, h, w = x_shape
    frame = tools.xp.zeros((c, n, h + sum(padding[0]), w + sum(padding[1])), cols.dtype)
    for a, b, view in slices(frame, cols.shape[1:3], stride, dilation, cols.shape[4:]):
        tools.xp.add(view, cols[:, a, b], out=view)
    return channels_first(unpadded(frame, padding))
