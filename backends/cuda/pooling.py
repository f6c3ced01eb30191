"""Pooling on the device."""

from typing import Any

from numpy import int32

from cnnkit.backends.cuda.convolution import CudaTools, ImageWindows
from cnnkit.backends.cuda.kernels import blocks, planes
from cnnkit.backends.protocol import Native, Padding


def max_forward(tools: CudaTools, x: Native, windows: ImageWindows) -> tuple[Native, Native]:
    """Return (y, places): the maximum of each window, and its index in the image."""
    shape = (*x.shape[:2], *windows.outputs)
    y, places = tools.xp.empty(shape, x.dtype), tools.xp.empty(shape, "int32")
    _launch(tools, "max_pool", windows.number, windows, x, y, places)
    return y, places


def max_gradient(tools: CudaTools, dy: Native, places: Native, windows: ImageWindows) -> Native:
    """Return dx (N, C, H, W)."""
    dx = tools.xp.empty(windows.x_shape, dy.dtype)
    _launch(tools, "max_pool_gradient", windows.pixels, windows, dy, places, dx)
    return dx


def average_forward(tools: CudaTools, x: Native, windows: ImageWindows, counted: Padding) -> Native:
    """Return the mean of each window."""
    y = tools.xp.empty((*x.shape[:2], *windows.outputs), x.dtype)
    _launch(tools, "average_pool", windows.number, windows, x, y, last=_counts(counted))
    return y


def average_gradient(tools: CudaTools, dy: Native, windows: ImageWindows, counted: Padding) -> Native:
    """Return dx (N, C, H, W)."""
    dx = tools.xp.empty(windows.x_shape, dy.dtype)
    _launch(tools, "average_pool_gradient", windows.pixels, windows, dy, dx, last=_counts(counted))
    return dx


def _counts(counted: Padding) -> tuple[int32, ...]:
    """Return the arguments COUNTED of windows.cuh."""
    return tuple(int32(count) for ends in counted for count in ends)


def _launch(
    tools: CudaTools, name: str, count: int, windows: ImageWindows, *arrays: Native, last: tuple[Any, ...] = ()
) -> None:
    """Launch a kernel with `count` threads for each image."""
    images = windows.x_shape[0] * windows.x_shape[1]
    grid = (blocks(count), planes(images))
    arguments = *arrays, int32(images), *windows.arguments(windows.dilated), *last
    tools.kernels(name, arrays[0].dtype, grid, *arguments, defines=windows.defines(windows.dilated))
