"""Sliding windows over images in memory as (C, H, W, N), the samples last.

Neighbouring pixels are N values apart in memory, so what one position (a, b) of all windows sees is contiguous in long
runs: OW * N values at stride 1, N values otherwise. Layers see the same memory as (N, C, H, W). Shapes are written for
images; signals have one spatial axis and volumes three, and nothing else changes.
"""

import functools
import itertools
import math
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple, Protocol

import numpy as np

from cnnkit.backends.protocol import Native, Padding, Shape, Sizes
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
    """`rows` rows of the output from row `first` on; `places` gives what position (a, b) of their windows sees.

    Rows lie along the first spatial axis: a row of a volume's output is a plane, one of a signal's output a value.
    """

    first: int
    rows: int
    places: dict[Sizes, Place]
    columns: Shape  # (C, KH, KW, rows, OW, N), those of im2col


class Windows:
    """Windows on padded images x_shape (N, C, H, W): `outputs` (OH, OW) of them on each image.

    Signals (N, C, L) and volumes (N, C, D, H, W) likewise. `windows_on` caches them: they are the same for all shards
    of one shape.
    """

    def __init__(self, x_shape: Shape, size: Sizes, stride: Sizes, padding: Padding, dilation: Sizes) -> None:
        n, c, *image = x_shape
        self.x_shape, self.size, self.stride, self.padding, self.dilation = x_shape, size, stride, padding, dilation
        self.outputs = output_sizes(x_shape, size, stride, padding, dilation)
        self.framed = any(map(any, padding))
        self.frame_shape = (c, *(length + sum(ends) for length, ends in zip(image, padding, strict=True)), n)
        self.interior, self.borders = _cut_frame(image, padding)
        self.apart = all(d * (w - 1) < s for w, s, d in zip(size, stride, dilation, strict=True))
        covered = tuple(w * o for w, o in zip(size, self.outputs, strict=True))
        self.tiled = size == stride and covered == self.frame_shape[1:-1] and set(dilation) == {1}
        self.single = set(size) == set(stride) == {1} and not self.framed
        self.places = self._places(0, self.outputs[0])
        self.first_inside = self._find_first_inside()
        self.area = math.prod(size)
        self.row_values = math.prod(self.outputs[1:]) * n  # of one channel in an output row
        self.column_steps = self._find_column_steps()
        self.blocks = self._cut_into_blocks()

    def _cut_into_blocks(self) -> list[OutputRows]:
        height, columns = self.outputs[0], max(1, self.row_values)
        values = max(1, self.frame_shape[0] * self.area) * columns
        rows = max(BLOCK_VALUES // values, min(-(-FEWEST_COLUMNS // columns), MOST_BLOCK_VALUES // values), 1)
        count = -(-height // rows)
        edges = [height * i // count for i in range(count + 1)] if height else []
        c, *_, n = self.frame_shape
        return [
            OutputRows(a, b - a, self._places(a, b - a), (c, *self.size, b - a, *self.outputs[1:], n))
            for a, b in pairwise(edges)
        ]

    def _find_column_steps(self) -> Shape:
        """Return the steps through a contiguous frame along the axes (C, KH, KW, OH, OW, N), in values."""
        *steps, sample = (math.prod(self.frame_shape[i + 1 :]) for i in range(len(self.frame_shape)))
        channel, *steps = steps
        within = (step * d for step, d in zip(steps, self.dilation, strict=True))
        between = (step * s for step, s in zip(steps, self.stride, strict=True))
        return (channel, *within, *between, sample)

    def _places(self, first: int, rows: int) -> dict[Sizes, Place]:
        """Return {(a, b): what position (a, b) of the windows sees, (C, rows, OW, N)} in row-major order."""
        counts, starts = (rows, *self.outputs[1:]), (first * self.stride[0], *(0 for _ in self.outputs[1:]))
        places: dict[Sizes, Place] = {}
        for position in itertools.product(*map(range, self.size)):
            axes = zip(position, starts, counts, self.stride, self.dilation, strict=True)
            along = (slice(s + a * d, s + a * d + (count - 1) * step + 1, step) for a, s, count, step, d in axes)
            places[position] = (slice(None), *along)
        return places

    def _find_first_inside(self) -> Native:
        """Return the position in each window, row by row, of the first pixel that is not padding, as (OH, OW, 1)."""
        found = np.zeros((), np.int64)
        for (begin, _), size, stride, dilation, outputs in zip(
            self.padding, self.size, self.stride, self.dilation, self.outputs, strict=True
        ):
            first = np.maximum(-(-(begin - np.arange(outputs) * stride) // dilation), 0)
            found = found[..., None] * size + first
        return found[..., None].astype(np.min_scalar_type(math.prod(self.size) - 1))

    def inside(self, frame: Native) -> Native:
        """View the images in a frame (C, H, W, N) as (N, C, H, W)."""
        return samples_first(frame[self.interior] if self.framed else frame)


@functools.lru_cache(maxsize=1024)
def windows_on(x_shape: Shape, size: Sizes, stride: Sizes, padding: Padding, dilation: Sizes) -> Windows:
    """Return the windows on images x_shape (N, C, H, W)."""
    return Windows(x_shape, size, stride, padding, dilation)


def _cut_frame(image: Sequence[int], padding: Padding) -> tuple[Place, list[Place]]:
    """Return where images lie in their frame (C, H, W, N), and the pieces of the frame around them."""
    inner, borders = [slice(None)], list[Place]()
    for length, (begin, end) in zip(image, padding, strict=True):
        if begin:
            borders.append((*inner, slice(0, begin)))
        if end:
            borders.append((*inner, slice(begin + length, None)))
        inner.append(slice(begin, begin + length))
    return tuple(inner), borders


def samples_last(x: Native) -> Native:
    """View (N, C, H, W) as (C, H, W, N)."""
    return x.transpose((*range(1, x.ndim), 0))


def samples_first(x: Native) -> Native:
    """View (C, H, W, N) as (N, C, H, W)."""
    return x.transpose((x.ndim - 1, *range(x.ndim - 1)))


def samples_last_in_memory(tools: NumpyTools, x: Native) -> Native:
    """Return images (N, C, H, W) with the samples last in memory, so that later kernels need no copy; rows as is."""
    if x.ndim <= 2 or samples_last(x).flags.c_contiguous:
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
    frame = tools.scratch("frame", windows.frame_shape, x.dtype)
    for border in windows.borders:
        frame[border] = fill
    frame[windows.interior] = samples_last(x)
    return frame


def columns(tools: NumpyTools, frame: Native, windows: Windows, block: OutputRows) -> Native:
    """Return im2col of a block of output rows, (C, KH, KW, rows, OW, N), of a frame (C, H, W, N)."""
    if windows.single:
        return frame[:, block.first : block.first + block.rows].reshape(block.columns)
    strides = tuple([step * frame.itemsize for step in windows.column_steps])
    offset = block.first * strides[1 + len(windows.size)]
    seen = _strided(frame, block.columns, offset, strides)  # the pixels of each window, without a copy
    cols = tools.scratch("columns", block.columns, frame.dtype)
    np.copyto(cols, seen)
    return cols


def _strided(frame: Native, shape: Shape, offset: int, strides: Shape) -> Native:
    if isinstance(frame, np.ndarray):
        return np.ndarray(shape, frame.dtype, frame, offset, strides)
    return frame.strided(shape, offset, strides)
