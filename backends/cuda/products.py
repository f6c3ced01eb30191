"""Every matrix product of the CUDA backend, as strided batches for cuBLAS: equal steps from matrix to matrix."""

import itertools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from cnnkit.backends.protocol import Native


class Matrix(NamedTuple):
    """The memory layout of one factor, in elements.

    transposed  element (i, j) is at j * leading + i, otherwise at i * leading + j
    step        from one matrix of the batch to the next; 0 where all are the same matrix
    """

    leading: int
    transposed: bool
    step: int


class Product(NamedTuple):
    """`batch` products of x (m, k) and y (k, n); out is never transposed."""

    m: int
    n: int
    k: int
    batch: int
    x: Matrix
    y: Matrix
    out: Matrix


Multiply = Callable[[Product, Native, Native, Native, bool], None]


def gemm(xp: Any, multiply: Multiply, x: Native, y: Native, out: Native = None, accumulate: bool = False) -> Native:
    """Return x y for x (..., M, K) and y (..., K, N) of one dtype, whose leading axes broadcast.

    out: receives the result; its rows are contiguous. accumulate: add to what `out` holds.
    """
    batch = np.broadcast_shapes(x.shape[:-2], y.shape[:-2])
    out = xp.empty((*batch, x.shape[-2], y.shape[-1]), x.dtype) if out is None else out
    if 0 in out.shape:
        return out
    if x.shape[-1] == 0:
        if not accumulate:
            out[...] = 0
        return out
    x = xp.broadcast_to(_readable(xp, x), (*batch, *x.shape[-2:]))
    y = xp.broadcast_to(_readable(xp, y), (*batch, *y.shape[-2:]))
    _multiply(multiply, x, y, out, accumulate)
    return out


def _multiply(multiply: Multiply, x: Native, y: Native, out: Native, accumulate: bool) -> None:
    """Compute one batched product, or one for each index of the shortest leading axis where steps are not equal."""
    (m, k), n, batch = x.shape[-2:], y.shape[-1], x.shape[:-2]
    first, second, result = (_matrix(array, batch) for array in (x, y, out))
    if first is not None and second is not None and result is not None:
        multiply(Product(m, n, k, int(np.prod(batch)), first, second, result), x, y, out, accumulate)
        return
    axis = min(range(x.ndim - 2), key=lambda i: x.shape[i] if x.shape[i] > 1 else np.inf)
    for i in range(x.shape[axis]):
        index = (slice(None),) * axis + (i,)
        _multiply(multiply, x[index], y[index], out[index], accumulate)


def _matrix(array: Native, batch: tuple[int, ...]) -> Matrix | None:
    step, layout = _step(array, batch), _layout(array)
    return None if step is None or layout is None else Matrix(*layout, step)


def _step(array: Native, batch: tuple[int, ...]) -> int | None:
    """Return the step in elements from one matrix to the next over all leading axes, None where it varies."""
    axes = [(length, array.strides[i] // array.itemsize) for i, length in enumerate(batch) if length > 1]
    for (_, outer), (length, inner) in itertools.pairwise(axes):
        if outer != length * inner:
            return None
    return axes[-1][1] if axes else 0


def _layout(array: Native) -> tuple[int, bool] | None:
    """Return (leading, transposed) of the last two axes; None where neither is contiguous, or matrices overlap."""
    rows, columns = array.shape[-2:]
    by_row, by_column = (stride // array.itemsize for stride in array.strides[-2:])
    if (by_column == 1 or columns == 1) and (by_row >= columns or rows == 1):
        return (by_row if rows > 1 else columns), False
    if (by_row == 1 or rows == 1) and (by_column >= rows or columns == 1):
        return (by_column if columns > 1 else rows), True
    return None


def _readable(xp: Any, array: Native) -> Native:
    """Return the array, or a copy, in a layout that cuBLAS can read."""
    return xp.ascontiguousarray(array) if _layout(array) is None else array
