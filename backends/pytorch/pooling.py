"""Pooling and its gradients by PyTorch's own; a signal is pooled as an image of height 1."""

import math
from typing import Any, NamedTuple

from cnnkit.backends.protocol import Native, Padding, Shape, Sizes
from cnnkit.backends.pytorch import convolution
from cnnkit.backends.pytorch.padding import cut_out, framed_shape, keep_inside, make_even, pad

NOTHING = (0, 0)  # padding of an axis


class TorchWindows(NamedTuple):
    """Where the windows lie, with two spatial axes or three."""

    window: Sizes
    stride: Sizes
    padding: Padding
    dilation: Sizes

    def of_images(self) -> "TorchWindows":
        """Return the windows of the signals' images of height 1; the same windows where there are more axes."""
        if len(self.window) > 1:
            return self
        return TorchWindows((1, *self.window), (1, *self.stride), (NOTHING, *self.padding), (1, *self.dilation))


def max_forward(torch: Any, x: Native, windows: TorchWindows) -> tuple[Native, Any]:
    """Return (y, saved): the maximum of each window of x (N, C, H, W)."""
    signals, x, windows = x.ndim == 3, _as_images(x), windows.of_images()
    largest = tuple(size // 2 for size in windows.window)  # PyTorch refuses more
    framed, even = make_even(torch, x, windows.padding, -torch.inf, largest)
    pool = torch.ops.aten.max_pool2d_with_indices if x.ndim == 4 else torch.ops.aten.max_pool3d_with_indices
    y, indices = pool(framed, windows.window, windows.stride, even, windows.dilation)
    if framed is not x:
        indices = keep_inside(indices, framed.shape[2:], windows.padding, windows.dilation)
    return y.squeeze(2) if signals else y, (framed, even, indices)


def max_gradient(torch: Any, dy: Native, saved: Any, x_shape: Shape, windows: TorchWindows) -> Native:
    """Return dx of x_shape."""
    framed, even, indices = saved
    framed = framed.to(dy.dtype)  # the same array, unless dy is in float64 for an exact sum
    dy, windows = _as_images(dy), windows.of_images()
    layout = torch.channels_last if framed.ndim == 4 else torch.channels_last_3d
    if framed.is_contiguous(memory_format=layout):  # else PyTorch copies all of dx twice
        dy = dy.contiguous(memory_format=layout)
    aten = torch.ops.aten
    pool = aten.max_pool2d_with_indices_backward if framed.ndim == 4 else aten.max_pool3d_with_indices_backward
    dx = pool(dy, framed, windows.window, windows.stride, even, windows.dilation, False, indices)
    return _cut_out(dx, x_shape, windows.padding)


def average_forward(torch: Any, x: Native, windows: TorchWindows, counted: Padding) -> Native:
    """Return the mean of each window of x (N, C, H, W), with `counted` of its padding."""
    framed = pad(torch, x, windows.padding, 0)
    y, factor = _average(torch, framed, windows), _correction(torch, x, x.shape, windows, counted)
    return y if factor is None else y * factor


def average_gradient(torch: Any, dy: Native, x_shape: Shape, windows: TorchWindows, counted: Padding) -> Native:
    """Return dx of x_shape."""
    factor = _correction(torch, dy, x_shape, windows, counted)
    dy = dy if factor is None else dy * factor
    shape = framed_shape(x_shape, windows.padding)
    if set(windows.dilation) != {1}:
        ones, n, c = _ones(dy, windows), *shape[:2]
        dmaps = dy.reshape((n * c, 1, *dy.shape[2:]))
        none = (NOTHING,) * len(windows.window)
        how = windows.stride, none, windows.dilation, 1
        dframed = convolution.input_gradient(torch, dmaps, ones, (n * c, 1, *shape[2:]), *how).reshape(shape)
        return _cut_out(dframed, x_shape, windows.padding)
    framed, windows = _as_images(dy.new_zeros((1,)).expand(shape)), windows.of_images()
    pool = torch.ops.aten.avg_pool2d_backward if framed.ndim == 4 else torch.ops.aten.avg_pool3d_backward
    nowhere = (0,) * len(windows.window)
    dframed = pool(_as_images(dy), framed, windows.window, windows.stride, nowhere, False, True, None)
    return _cut_out(dframed, x_shape, windows.padding)


def _average(torch: Any, framed: Native, windows: TorchWindows) -> Native:
    """Return the sum of each window divided by the size of the window."""
    if set(windows.dilation) != {1}:  # which PyTorch's own has not
        maps = framed.reshape((-1, 1, *framed.shape[2:]))
        none = (NOTHING,) * len(windows.window)
        y = convolution.forward(torch, maps, _ones(framed, windows), windows.stride, none, windows.dilation, 1)
        return y.reshape((*framed.shape[:2], *y.shape[2:]))
    functional = torch.nn.functional
    pool = (functional.avg_pool1d, functional.avg_pool2d, functional.avg_pool3d)[len(windows.window) - 1]
    return pool(framed, windows.window, windows.stride)


def _ones(like: Native, windows: TorchWindows) -> Native:
    """Return the kernel whose products are the windows' means, (1, 1, KH, KW)."""
    return like.new_full((1, 1, *windows.window), 1 / math.prod(windows.window))


def _correction(torch: Any, like: Native, x_shape: Shape, windows: TorchWindows, counted: Padding) -> Any:
    """Return the size of the window divided by the number of its pixels that count; None if that is 1.

    It is made on the device, so that a step with it can be captured.
    """
    if counted == windows.padding:
        return None
    rest = tuple((b - cb, e - ce) for (b, e), (cb, ce) in zip(windows.padding, counted, strict=True))
    ones = like.new_ones(framed_shape((1, 1, *x_shape[2:]), counted))
    return 1 / _average(torch, pad(torch, ones, rest, 0), windows)


def _as_images(x: Native) -> Native:
    """Return signals (N, C, L) as images (N, C, 1, L); images and volumes as they are."""
    return x.unsqueeze(2) if x.ndim == 3 else x


def _cut_out(framed: Native, x_shape: Shape, padding: Padding) -> Native:
    """Return x of x_shape inside its frame, which may be that of a signal's image."""
    if framed.ndim > len(x_shape):
        framed, padding = framed.squeeze(2), padding[1:]
    return framed if framed.shape == x_shape else cut_out(framed, x_shape, padding)
