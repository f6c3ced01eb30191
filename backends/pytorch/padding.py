"""Padding on PyTorch, which has equal padding on both sides only: any other is written into the image."""

from typing import Any

from cnnkit.backends.protocol import Native, Padding, Pair, Shape


def pad(torch: Any, x: Native, padding: Padding, fill: float) -> Native:
    """Return x (N, C, H, W) in a frame of `fill`, x itself where there is no padding."""
    (top, bottom), (left, right) = padding
    frame = left, right, top, bottom
    return torch.nn.functional.pad(x, frame, value=fill) if any(frame) else x


def make_even(torch: Any, x: Native, padding: Padding, fill: float, largest: Pair | None = None) -> tuple[Native, Pair]:
    """Return (x, padding) that PyTorch accepts; other padding (uneven, wider than `largest`) is added to x here."""
    (top, bottom), (left, right) = padding
    if top == bottom and left == right and (largest is None or (top <= largest[0] and left <= largest[1])):
        return x, (top, left)
    return pad(torch, x, padding, fill), (0, 0)


def even_shape(x_shape: Shape, padding: Padding) -> tuple[Shape, Pair]:
    """Return (shape of x, padding) of `make_even`."""
    (top, bottom), (left, right) = padding
    if top == bottom and left == right:
        return x_shape, (top, left)
    n, c, h, w = x_shape
    return (n, c, h + top + bottom, w + left + right), (0, 0)


def cut_out(framed: Native, x_shape: Shape, padding: Padding) -> Native:
    """Return the image x (N, C, H, W) inside its frame."""
    (top, _), (left, _) = padding
    return framed[:, :, top : top + x_shape[2], left : left + x_shape[3]]


def keep_inside(indices: Native, framed_shape: Shape, x_shape: Shape, padding: Padding) -> Native:
    """Return indices into a framed plane, those of the frame moved to the next pixel of the image.

    Where all pixels of a window are -infinity, the frame's -infinity may be the first maximum.
    """
    (top, _), (left, _) = padding
    rows = (indices // framed_shape[3]).clamp(top, top + x_shape[2] - 1)
    columns = (indices % framed_shape[3]).clamp(left, left + x_shape[3] - 1)
    return rows * framed_shape[3] + columns
