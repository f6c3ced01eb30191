"""Sliding windows over images in memory as (C, H, W, N), the samples last.

Neighbouring pixels are N values apart in memory, so what one position (a, b) of all windows sees is contiguous in long
runs: OW * N values at stride 1, N values otherwise. Layers see the same memory as (N, C, H, W).
"""

import functools
from itertools import pairwise
from typing import NamedTuple, Protocol

import numpy as np

from cnnkit.backends.protocol import Native, Padding, Pair, Shape
from cnnkit.backends.shared.windows import output_sizes

# Of im2col columns at a time: few enough to stay in the cache until the product reads them, enough for BLAS.
BLOCK_VALUES, FEWEST_COLUMNS, MOST_BLOCK_VALUES = 1 << 18, 900, 1 << 19


class NumpyTools(Protocol):
    """What convolution and pooling need of the backend."""

    def scratch(self, name: str, shape: Shape, dtype: np.dtype) -> Native:
        """Return an uninitialised buffer that lives until the next call with this name."""

    def empty(self, shape: Shape, dtype: np.dtype) -> Native:
        """Return an uninitialised array."""

    def gemm(self, x: Native, y: Native, out: Native = None) -> Native:
        """Return the matrix product x y, (..., M, K) and (..., K, N), written to `out` if given."""


Place = tuple[slice, ...]  # index into a frame (C, H, W, N): what one position of all windows sees


class OutputRows(NamedTuple):
    """`rows` rows of the output from row `first` on; `places` gives what position (a, b) of their windows sees."""

    first: int
    rows: int
    places: dict[Pair, Place]


class Windows:
    """Windows on padded images x_shape (N, C, H, W): `outputs` (OH, OW) of them on each image.

    `windows_on` caches them: they are the same for all shards of one shape.
    """

    def __init__(self, x_shape: Shape, size: Pair, stride: Pair, padding: Padding, dilation: Pair) -> None:
        n, c, h, w = x_shape
        self.x_shape, self.size, self.stride, self.padding, self.dilation = x_shape, size, stride, padding, dilation
        self.outputs = output_sizes(x_shape, size, stride, padding, dilation)
        self.framed = padding != ((0, 0), (0, 0))
        self.frame_shape = (c, h + sum(padding[0]), w + sum(padding[1]), n)
        self.apart = size[0] <= stride[0] and size[1] <= stride[1]
        self.tiled = size == stride and self.frame_shape[1:3] == (size[0] * self.outputs[0], size[1] * self.outputs[1])
        self.single = size == stride == (1, 1) and not self.framed
        self.places = self._places(0, self.outputs[0])
        self.first_inside = self._find_first_inside()
        height = self.outputs[0]
        columns = max(1, self.outputs[1] * n)  # of one output row
        values = max(1, c * size[0] * size[1]) * columns
        rows = max(BLOCK_VALUES // values, min(-(-FEWEST_COLUMNS // columns), MOST_BLOCK_VALUES // values), 1)
        count = -(-height // rows)
        edges = [height * i // count for i in range(count + 1)] if height else []
        self.blocks = [OutputRows(a, b - a, self._places(a, b - a)) for a, b in pairwise(edges)]

    def _places(self, first: int, rows: int) -> dict[Pair, Place]:
        """Return {(a, b): what position (a, b) of the windows sees, (C, rows, OW, N)} in row-major order."""
        places: dict[Pair, Place] = {}
        (down, right), everything = self.stride, slice(None)
        for a in range(self.size[0]):
            top = first * down + a * self.dilation[0]
            for b in range(self.size[1]):
                left = b * self.dilation[1]
                across = slice(left, left + (self.outputs[1] - 1) * right + 1, right)
                places[a, b] = (everything, slice(top, top + (rows - 1) * down + 1, down), across)
        return places

    def _find_first_inside(self) -> Native:
        """Return the position in each window, row by row, of the first pixel that is not padding, as (OH, OW, 1)."""
        (top, _), (left, _) = self.padding
        rows = np.maximum(top - np.arange(self.outputs[0]) * self.stride[0], 0)
        columns = np.maximum(left - np.arange(self.outputs[1]) * self.stride[1], 0)
        found = rows[:, None, None] * self.size[1] + columns[None, :, None]
        return found.astype(np.min_scalar_type(self.size[0] * self.size[1] - 1))

    def inside(self, frame: Native) -> Native:
        """View the images in a frame (C, H, W, N) as (N, C, H, W)."""
        (top, _), (left, _) = self.padding
        _, _, h, w = self.x_shape
        return samples_first(frame[:, top : top + h, left : left + w] if self.framed else frame)


@functools.lru_cache(maxsize=1024)
def windows_on(x_shape: Shape, size: Pair, stride: Pair, padding: Padding, dilation: Pair = (1, 1)) -> Windows:
    """Return the windows on images x_shape (N, C, H, W)."""
    return Windows(x_shape, size, stride, padding, dilation)


def samples_last(x: Native) -> Native:
    """View (N, C, H, W) as (C, H, W, N)."""
    return x.transpose(1, 2, 3, 0)


def samples_first(x: Native) -> Native:
    """View (C, H, W, N) as (N, C, H, W)."""
    return x.transpose(3, 0, 1, 2)


def samples_last_in_memory(tools: NumpyTools, x: Native) -> Native:
    """Return images (N, C, H, W) with the samples last in memory, so that later kernels need no copy; others as is."""
    if x.ndim != 4 or samples_last(x).flags.c_contiguous:
        return x
    copy = tools.empty((*x.shape[1:], x.shape[0]), x.dtype)
    np.copyto(copy, samples_last(x))
    return samples_first(copy)


def contiguous(tools: NumpyTools, x: Native, name: str) -> Native:
    """Return x (N, C, H, W) as a contiguous (C, H, W, N): a view, or a copy in the scratch buffer `name`."""
    image = samples_last(x)
    if image.flags.c_contiguous:
        return image
    copy = tools.scratch(name, image.shape, image.dtype)
    np.copyto(copy, image)
    return copy


def framed(tools: NumpyTools, x: Native, windows: Windows, fill: float) -> Native:
    """Return x (N, C, H, W) as (C, H, W, N) inside a frame of `fill`, contiguous."""
    if not windows.framed:
        return contiguous(tools, x, "frame")
    (top, _), (left, _) = windows.padding
    _, _, h, w = x.shape
    frame = tools.scratch("frame", windows.frame_shape, x.dtype)
    frame[:, :top] = fill
    frame[:, top + h :] = fill
    frame[:, top : top + h, :left] = fill
    frame[:, top : top + h, left + w :] = fill
    frame[:, top : top + h, left : left + w] = samples_last(x)
    return frame


def columns(tools: NumpyTools, frame: Native, windows: Windows, block: OutputRows) -> Native:
    """Return im2col of a block of output rows, (C, KH, KW, rows, OW, N), of a frame (C, H, W, N)."""
    if windows.single:
        return frame[:, None, None, block.first : block.first + block.rows]
    channel, row, pixel, sample = frame.strides
    (down, right), (below, beside) = windows.stride, windows.dilation
    shape = (frame.shape[0], *windows.size, block.rows, windows.outputs[1], frame.shape[3])
    strides = (channel, below * row, beside * pixel, down * row, right * pixel, sample)
    seen = _strided(frame, shape, block.first * down * row, strides)  # the pixels of each window, without a copy
    cols = tools.scratch("columns", shape, frame.dtype)
    np.copyto(cols, seen)
    return cols


def _strided(frame: Native, shape: Shape, offset: int, strides: Shape) -> Native:
    if isinstance(frame, np.ndarray):
        return np.ndarray(shape, frame.dtype, frame, offset, strides)
    return frame.strided(shape, offset, strides)
