"""Matrix products on the BLAS of NumPy, cut into shapes for which it is fast, and into parts for several threads.

The cuts depend on shapes alone, so the bits do not depend on the number of threads.
"""

import functools
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import numpy as np

from cnnkit.backends.protocol import Native

LARGE = 1 << 24  # multiply-adds; from here on a product is worth several threads
PARTS = 4  # of such a product
UNPACKED = 10**6  # multiply-adds; up to here OpenBLAS multiplies factors in place (AVX-512), else it copies them
SHORTEST = 200  # length of the pieces of the long axis; with shorter ones the calls cost more than the copies
LONG_SUM = 256  # terms of a sum along K; from here on the order of the factors matters
MOST_OUTPUTS = 1200  # of a product cut along K; with more, OpenBLAS copies its factors after all

Axis = Literal["m", "k", "n"]  # of (..., M, K) times (..., K, N)
Share = Callable[[Callable[[int], Any], range], list[Any]]  # (work, starts) -> [work(start), ...]
Empty = Callable[[tuple[int, ...], Any], Native]


class _Cut(NamedTuple):
    """An axis, and the number of equal pieces that it is cut into."""

    axis: Axis
    pieces: int


def product(empty: Empty, x: Native, y: Native, out: Native = None) -> Native:
    """Return x y, (..., M, K) times (..., K, N) of one floating dtype, written to `out` if given; in one thread."""
    m, k, n = x.shape[-2], x.shape[-1], y.shape[-1]
    if k == 1:  # an outer product, for which BLAS is slow
        return np.multiply(x, y, out=out)
    cut = _cut(m, k, n)
    if cut is None:
        if n > m and k >= LONG_SUM and out is None:  # BLAS is faster if the first factor has more rows
            return _transposed(np.matmul(_transposed(y), _transposed(x)))
        return np.matmul(x, y, out=out)
    if cut.axis == "k":
        parts = np.matmul(_columns(x, cut.pieces), _rows(y, cut.pieces))
        return np.add.reduce(parts, axis=-3, out=out)
    if out is None:
        out = empty(_shape(x, y), x.dtype)
    if cut.axis == "m":
        np.matmul(_rows(x, cut.pieces), y[..., None, :, :], out=_rows(out, cut.pieces))
    else:
        np.matmul(x[..., None, :, :], _columns(y, cut.pieces), out=_columns(out, cut.pieces))
    return out


def shared_product(share: Share, empty: Empty, x: Native, y: Native, out: Native = None) -> Native:
    """Return the product x y, computed in PARTS along its longest axis by `share`."""
    m, k, n = x.shape[-2], x.shape[-1], y.shape[-1]
    longest = max(m, k, n)
    size = -(-longest // PARTS)
    starts = range(0, longest, size)
    if out is None:
        out = empty(_shape(x, y), x.dtype)
    if longest == k:
        first, *others = share(lambda i: product(empty, x[..., i : i + size], y[..., i : i + size, :]), starts)
        np.copyto(out, first)
        for part in others:
            np.add(out, part, out=out)
    elif longest == n:
        share(lambda i: product(empty, x, y[..., i : i + size], out=out[..., i : i + size]), starts)
    else:
        share(lambda i: product(empty, x[..., i : i + size, :], y, out=out[..., i : i + size, :]), starts)
    return out


@functools.lru_cache(maxsize=4096)
def _cut(m: int, k: int, n: int) -> _Cut | None:
    """Return the cut with which BLAS need not copy its factors; None where that gains nothing."""
    work, longest = m * k * n, max(m, k, n)
    if work <= UNPACKED or work // longest * SHORTEST > UNPACKED:
        return None
    axis: Axis = "n" if longest == n else "m" if longest == m else "k"
    if axis == "k" and m * n > MOST_OUTPUTS:
        return None
    fewest = -(-work // UNPACKED)
    count = next((count for count in range(fewest, 2 * fewest + 1) if longest % count == 0), None)
    return None if count is None else _Cut(axis, count)


def _shape(x: Native, y: Native) -> tuple[int, ...]:
    return (*np.broadcast_shapes(x.shape[:-2], y.shape[:-2]), x.shape[-2], y.shape[-1])


def _transposed(x: Native) -> Native:
    return x.swapaxes(-1, -2)


def _rows(x: Native, count: int) -> Native:
    """View (..., R, C) as (..., count, R/count, C)."""
    return x.reshape((*x.shape[:-2], count, x.shape[-2] // count, x.shape[-1]))


def _columns(x: Native, count: int) -> Native:
    """View (..., R, C) as (..., count, R, C/count)."""
    return _transposed(_rows(_transposed(x), count))
