"""Convolution and its two gradients on NumPy: im2col of a few output rows at a time, and one GEMM per group.

Images are (C, H, W, N) in memory (windows.py): the next convolution copies its columns from what a product writes.
"""

import numpy as np

from cnnkit.backends.numpy_cpu.kernels.windows import (
    NumpyTools,
    OutputRows,
    Windows,
    columns,
    contiguous,
    framed,
    samples_first,
    windows_on,
)
from cnnkit.backends.protocol import Native, Padding, Shape

# Of a product of columns, up to which additions of columns cost more than the product: few features or few per group.
FEW_TERMS = 300


def forward(tools: NumpyTools, x: Native, weight: Native, windows: Windows, groups: int) -> Native:
    """Return y (N, O, OH, OW) of x (N, C, H, W) and weight (O, C/groups, KH, KW)."""
    frame = framed(tools, x, windows, 0)
    kernels = _kernels(weight, groups)
    y = tools.empty((weight.shape[0], *windows.outputs, x.shape[0]), x.dtype)
    for block in windows.blocks:
        cols = _by_group(columns(tools, frame, windows, block), windows, block, groups)
        tools.gemm(kernels, cols, out=_rows_by_group(y, windows, block, groups))
    return samples_first(y)


def input_gradient(tools: NumpyTools, dy: Native, weight: Native, windows: Windows, groups: int) -> Native:
    """Return dx (N, C, H, W): each column of weight^T dy added to the pixels it came from.

    Where kernels have few features and move by one pixel, it is a convolution of dy: no columns are added to pixels.
    """
    padding = _padding_of_gradient(windows)
    features = weight.shape[0] // groups
    if padding is not None and features <= weight.shape[1] and features * windows.area <= FEW_TERMS:
        around = windows_on(dy.shape, windows.size, windows.stride, padding, windows.dilation)
        return forward(tools, dy, _turned(tools, weight, groups), around, groups)
    dy = contiguous(tools, dy, "dy")
    kernels = _kernels(weight, groups).transpose(0, 2, 1)
    dframe = tools.empty(windows.frame_shape, dy.dtype)
    dframe.fill(0)
    for block in windows.blocks:
        dcols = tools.scratch("columns", block.columns, dy.dtype)
        tools.gemm(kernels, _rows_by_group(dy, windows, block, groups), out=_by_group(dcols, windows, block, groups))
        for position, place in block.places.items():
            view = dframe[place]
            np.add(view, dcols[(slice(None), *position)], out=view)
    return windows.inside(dframe)


def weight_gradient(
    tools: NumpyTools, dy: Native, x: Native, weight_shape: Shape, windows: Windows, groups: int
) -> Native:
    """Return dweight of weight_shape (O, C/groups, KH, KW): the products of the row blocks added in order."""
    frame, dy = framed(tools, x, windows, 0), contiguous(tools, dy, "dy")
    total = None
    for block in windows.blocks:
        cols = _by_group(columns(tools, frame, windows, block), windows, block, groups)
        part = tools.gemm(_rows_by_group(dy, windows, block, groups), cols.transpose(0, 2, 1))
        total = part if total is None else np.add(total, part, out=total)
    return np.zeros(weight_shape, dy.dtype) if total is None else total.reshape(weight_shape)


def _padding_of_gradient(windows: Windows) -> Padding | None:
    """Return the padding of dy with which its convolution is dx; None where it is none, or would cut dy."""
    reach = [d * (w - 1) for w, d in zip(windows.size, windows.dilation, strict=True)]
    padding = tuple((r - begin, r - end) for r, (begin, end) in zip(reach, windows.padding, strict=True))
    return padding if set(windows.stride) == {1} and min(map(min, padding)) >= 0 else None


def _turned(tools: NumpyTools, weight: Native, groups: int) -> Native:
    """Return (O, I, KH, KW) as (G*I, O/G, KH, KW), each kernel turned round."""
    features, channels, *size = weight.shape
    turned = tools.empty((groups * channels, features // groups, *size), weight.dtype)
    by_group = weight.reshape((groups, features // groups, channels, *size)).swapaxes(1, 2)
    backwards = (slice(None), slice(None), slice(None), *(slice(None, None, -1) for _ in size))
    np.copyto(turned.reshape(by_group.shape), by_group[backwards])
    return turned


def _kernels(weight: Native, groups: int) -> Native:
    """View (O, I, KH, KW) as (G, O/G, I*KH*KW)."""
    return weight.reshape((groups, weight.shape[0] // groups, -1))


def _by_group(cols: Native, windows: Windows, block: OutputRows, groups: int) -> Native:
    """View (C, KH, KW, rows, OW, N) as (G, C/G*KH*KW, rows*OW*N)."""
    return cols.reshape((groups, cols.shape[0] // groups * windows.area, block.rows * windows.row_values))


def _rows_by_group(y: Native, windows: Windows, block: OutputRows, groups: int) -> Native:
    """View a block's rows of (O, OH, OW, N) as (G, O/G, rows*OW*N)."""
    length = windows.row_values
    flat = y.reshape((groups, y.shape[0] // groups, windows.outputs[0] * length))
    if block.rows == windows.outputs[0]:
        return flat
    return flat[:, :, block.first * length : (block.first + block.rows) * length]
