"""Pooling on the device."""

from typing import Any

from numpy import int32

from cnnkit.backends.cuda.convolution import CudaTools, ImageWindows
from cnnkit.backends.cuda.kernels import blocks, planes
from cnnkit.backends.protocol import Native, Padding


def max_forward(tools: CudaTools, x: Native, windows: ImageWindows) -> tuple[Native, Native]:
    """Return (y, places): the maximum of each window, and its index in the plane of x."""
    shape = (*x.shape[:2], *windows.outputs)
    y, places = tools.xp.empty(shape, x.dtype), tools.xp.empty(shape, "int32")
    _launch(tools, "max_pool", windows.number, windows, x, y, places)
    return y, places


def max_gradient(tools: CudaTools, dy: Native, places: Native, windows: ImageWindows) -> Native:
    """Return dx (N, C, H, W)."""
    dx = tools.xp.empty(windows.x_shape, dy.dtype)
    _launch(tools, "max_pool_gradient", _pixels(windows), windows, dy, places, dx)
    return dx


def average_forward(tools: CudaTools, x: Native, windows: ImageWindows, counted: Padding) -> Native:
    """Return the mean of each window."""
    y = tools.xp.empty((*x.shape[:2], *windows.outputs), x.dtype)
    _launch(tools, "average_pool", windows.number, windows, x, y, last=(_counts_padding(windows, counted),))
    return y


def average_gradient(tools: CudaTools, dy: Native, windows: ImageWindows, counted: Padding) -> Native:
    """Return dx (N, C, H, W)."""
    dx = tools.xp.empty(windows.x_shape, dy.dtype)
    _launch(
        tools, "average_pool_gradient", _pixels(windows), windows, dy, dx, last=(_counts_padding(windows, counted),)
    )
    return dx


def _counts_padding(windows: ImageWindows, counted: Padding) -> int32:
    if counted != windows.padding and any(map(any, counted)):
        raise NotImplementedError("backend cupy: a part of the padding counts")
    return int32(counted == windows.padding)


def _pixels(windows: ImageWindows) -> int:
    return windows.x_shape[2] * windows.x_shape[3]


def _launch(
    tools: CudaTools, name: str, count: int, windows: ImageWindows, *arrays: Native, last: tuple[Any, ...] = ()
) -> None:
    """Launch a kernel with `count` threads for each plane."""
    if windows.dilation != (1, 1):
        raise NotImplementedError("backend cupy: dilation of pooling")
    stack = windows.x_shape[0] * windows.x_shape[1]
    arguments = windows.arguments(dilated=False)
    tools.kernels(name, arrays[0].dtype, (blocks(count), planes(stack)), *arrays, int32(stack), *arguments, *last)
