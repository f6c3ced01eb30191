"""Convolution and its gradients on the device: im2col for some samples at a time, and products with their columns.

Images are NCHW. The columns of a sample are (C*KH*KW, OH*OW), so their product with the kernels needs no transposition.
"""

import math
from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol

from numpy import int32

from cnnkit.backends.cuda.kernels import Kernels, blocks, planes
from cnnkit.backends.protocol import Native, Padding, Shape, Sizes
from cnnkit.backends.shared.windows import output_sizes

COLUMN_BYTES = 256 << 20  # of im2col columns at a time
SUM_BYTES = 64 << 20  # of the partial sums of a weight gradient


class CudaTools(Protocol):
    """What convolution and pooling need of the backend."""

    xp: Any
    kernels: Kernels

    def gemm(self, x: Native, y: Native, out: Native = None, accumulate: bool = False) -> Native:
        """Return the matrix product x y, written or added to `out` if given."""


class ImageWindows(NamedTuple):
    """Windows on images x_shape: their size, steps and padding, and the shape of the output."""

    x_shape: Shape
    window: Sizes
    stride: Sizes
    padding: Padding
    dilation: Sizes
    outputs: Sizes

    @classmethod
    def of(cls, x_shape: Shape, window: Sizes, stride: Sizes, padding: Padding, dilation: Sizes) -> "ImageWindows":
        """Return the windows with the output size that they give."""
        return cls(x_shape, window, stride, padding, dilation, output_sizes(x_shape, window, stride, padding, dilation))

    @property
    def number(self) -> int:
        """Return how many windows an image has."""
        return math.prod(self.outputs)

    @property
    def pixels(self) -> int:
        """Return how many pixels an image has."""
        return math.prod(self.x_shape[2:])

    @property
    def values(self) -> int:
        """Return how many values a sample's columns have for each window."""
        return self.x_shape[1] * math.prod(self.window)

    @property
    def trivial(self) -> bool:
        """Return whether the columns are the image: windows of one pixel at stride 1."""
        return set(self.window) == set(self.stride) == {1} and not any(map(any, self.padding))

    @property
    def dilated(self) -> bool:
        """Return whether windows have gaps."""
        return set(self.dilation) != {1}

    def arguments(self, dilated: bool = True) -> tuple[Any, ...]:
        """Return the kernels' int arguments along height, then along width; WINDOWS in windows.cuh."""
        ints: list[int] = []
        for axis, size in enumerate(self.x_shape[2:]):
            ints += [size, self.outputs[axis], self.window[axis], self.stride[axis]]
            ints += [self.dilation[axis]] * dilated + [self.padding[axis][0]]
        return tuple(map(int32, ints))

    def defines(self, dilated: bool = True) -> tuple[str, ...]:
        """Return what windows.cuh leaves open."""
        return f"AXES={len(self.window)}", f"DILATED={int(dilated)}"

    def portions(self, itemsize: int) -> Iterator[slice]:
        """Yield slices of samples whose columns are in memory at the same time."""
        size = max(1, COLUMN_BYTES // max(1, self.values * self.number * itemsize))
        for first in range(0, self.x_shape[0], size):
            yield slice(first, first + size)


def forward(tools: CudaTools, x: Native, weight: Native, windows: ImageWindows, groups: int) -> Native:
    """Return y (N, O, OH, OW) of x (N, C, H, W) and weight (O, C/groups, KH, KW)."""
    n, features = x.shape[0], weight.shape[0]
    y = tools.xp.empty((n, groups, features // groups, windows.number), x.dtype)
    kernels = _kernels(weight, groups)
    for part in windows.portions(x.itemsize):
        tools.gemm(kernels, _columns(tools, x[part], windows, groups), out=y[part])
    return y.reshape((n, features, *windows.outputs))


def input_gradient(tools: CudaTools, dy: Native, weight: Native, windows: ImageWindows, groups: int) -> Native:
    """Return dx (N, C, H, W)."""
    kernels = _kernels(weight, groups).transpose(0, 2, 1)
    grouped = dy.reshape((dy.shape[0], groups, dy.shape[1] // groups, windows.number))
    dx = tools.xp.empty(windows.x_shape, dy.dtype)
    channels = windows.x_shape[1]
    for part in windows.portions(dy.itemsize):
        target = dx[part]
        if windows.trivial:
            tools.gemm(kernels, grouped[part], out=target.reshape((len(target), groups, -1, windows.number)))
            continue
        columns = tools.gemm(kernels, grouped[part])
        grid = (blocks(windows.pixels), planes(channels), planes(len(target)))
        arguments = columns, target, int32(target.shape[0]), int32(channels), *windows.arguments()
        tools.kernels("col2im", dy.dtype, grid, *arguments, defines=windows.defines())
    return dx


def weight_gradient(
    tools: CudaTools, dy: Native, x: Native, weight_shape: Shape, windows: ImageWindows, groups: int
) -> Native:
    """Return dweight of weight_shape (O, C/groups, KH, KW).

    Such a product sums many values for few results, so each sample, or each few samples, gives a partial sum; these are
    added in order, those of 16-bit types in float32.
    """
    n, item, half = x.shape[0], x.itemsize, x.itemsize == 2
    grouped = dy.reshape((n, groups, dy.shape[1] // groups, windows.number))
    shape = (groups, weight_shape[0] // groups, windows.values // groups)
    room = max(1, SUM_BYTES // max(1, shape[0] * shape[1] * shape[2] * (4 if half else item)))
    sums = None
    for part in windows.portions(item):
        columns, outputs = _columns(tools, x[part], windows, groups), grouped[part]
        for first in range(0, outputs.shape[0], room):
            samples = slice(first, first + room)
            right, left = columns[samples].transpose(0, 1, 3, 2), outputs[samples]
            if sums is None:
                wide = tools.xp.empty((left.shape[0], *shape), "float32") if half else None
                sums = tools.gemm(left, right, out=wide)
            else:
                tools.gemm(left, right, out=sums[: left.shape[0]], accumulate=True)
    if sums is None:
        return tools.xp.zeros(weight_shape, dy.dtype)
    total = (sums[0] if sums.shape[0] == 1 else sums.sum(axis=0)).reshape(weight_shape)
    return total.astype(dy.dtype) if half else total


def _columns(tools: CudaTools, x: Native, windows: ImageWindows, groups: int) -> Native:
    """Return im2col of x (N, C, H, W) as (N, G, C/G*KH*KW, OH*OW)."""
    n, channels = x.shape[:2]
    shape = (n, groups, windows.values // groups, windows.number)
    if windows.trivial:
        return x.reshape(shape)
    columns = tools.xp.empty(shape, x.dtype)
    grid = (blocks(windows.number), planes(channels), planes(n))
    arguments = x, columns, int32(n), int32(channels), *windows.arguments()
    tools.kernels("im2col", x.dtype, grid, *arguments, defines=windows.defines())
    return columns


def _kernels(weight: Native, groups: int) -> Native:
    """View (O, I, KH, KW) as (G, O/G, I*KH*KW)."""
    return weight.reshape((groups, weight.shape[0] // groups, -1))
