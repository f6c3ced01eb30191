"""Padding on PyTorch, which has equal padding on both sides only: any other is written into the image."""

from typing import Any

from cnnkit.backends.protocol import Native, Padding, Shape, Sizes


def pad(torch: Any, x: Native, padding: Padding, fill: float) -> Native:
    """Return x (N, C, H, W) in a frame of `fill`, x itself where there is no padding."""
    frame = [width for ends in reversed(padding) for width in ends]  # PyTorch begins with the last axis
    return torch.nn.functional.pad(x, frame, value=fill) if any(frame) else x


def is_even(padding: Padding, largest: Sizes | None = None) -> bool:
    """Return whether padding is the same on both sides of each axis, and not wider than `largest`."""
    even = all(begin == end for begin, end in padding)
    return even and (largest is None or all(begin <= most for (begin, _), most in zip(padding, largest, strict=True)))


def make_even(
    torch: Any, x: Native, padding: Padding, fill: float, largest: Sizes | None = None
) -> tuple[Native, Sizes]:
    """Return (x, padding) that PyTorch accepts; other padding (uneven, wider than `largest`) is added to x here."""
    if is_even(padding, largest):
        return x, tuple(begin for begin, _ in padding)
    return pad(torch, x, padding, fill), (0,) * len(padding)


def even_shape(x_shape: Shape, padding: Padding) -> tuple[Shape, Sizes]:
    """Return (shape of x, padding) of `make_even`."""
    if is_even(padding):
        return x_shape, tuple(begin for begin, _ in padding)
    return framed_shape(x_shape, padding), (0,) * len(padding)


def framed_shape(x_shape: Shape, padding: Padding) -> Shape:
    """Return the shape of images x_shape (N, C, H, W) in their frame."""
    n, c, *image = x_shape
    return (n, c, *(size + sum(ends) for size, ends in zip(image, padding, strict=True)))


def cut_out(framed: Native, x_shape: Shape, padding: Padding) -> Native:
    """Return the image x (N, C, H, W) inside its frame."""
    inside = (slice(begin, begin + size) for (begin, _), size in zip(padding, x_shape[2:], strict=True))
    return framed[(slice(None), slice(None), *inside)]


def keep_inside(indices: Native, framed: Sizes, padding: Padding, dilation: Sizes) -> Native:
    """Return indices into framed images (H, W), those before the image moved to the first pixel that the window sees.

    Where all pixels of a window are -infinity, PyTorch takes the window's first place, which may lie in the frame.
    """
    kept, rest, step = 0, indices, 1
    for size, (begin, _), d in reversed(list(zip(framed, padding, dilation, strict=True))):
        place = rest % size
        missing = (begin - place).clamp(min=0)
        kept = kept + (place + (missing + (d - 1)) // d * d) * step
        rest, step = rest // size, step * size
    return kept
