"""Memory for results that is used again as soon as nobody holds the result any more.

A training step makes the same arrays over and over. Fresh memory from the system costs more than most passes over it
(the kernel clears every page first), and what it costs depends on all else that the process allocates. So large results
live in blocks that are lent out and come back by themselves: every view of an array keeps that array alive, and when it
dies its block is free for the next result of that size.
"""

import math
import weakref
from typing import Any, Protocol

import numpy as np

from cnnkit.backends.protocol import Native, Shape

SMALL = 1 << 15  # bytes below which the C library's own memory is as quick
KEPT = 1 << 30  # bytes of free blocks that are kept; beyond, a block that comes back is given up
ALIGNED = 64  # bytes: a line of the cache


Block = tuple[bytearray, int]


class _Loan(weakref.ref[Native]):
    """A weak reference to an array that lives in a block."""

    __slots__ = ("block", "size")
    block: Block
    size: int


class Memory:
    """Blocks lent out as arrays."""

    def __init__(self) -> None:
        self._free: dict[int, list[Block]] = {}  # by size
        self._loans: dict[int, _Loan] = {}
        self._kept = 0

    def empty(self, shape: Shape, dtype: Any) -> Native:
        """Return an uninitialised array."""
        dtype = np.dtype(dtype)
        size = math.prod(shape) * dtype.itemsize
        if size < SMALL:
            return np.empty(shape, dtype)
        try:
            block = self._free[size].pop()
            self._kept -= size
        except (KeyError, IndexError):
            block = _block(size)
        array: Native = np.ndarray(shape, dtype, *block)
        loan = _Loan(array, self._take_back)
        loan.block, loan.size = block, size
        self._loans[id(loan)] = loan
        return array

    def _take_back(self, loan: _Loan) -> None:
        del self._loans[id(loan)]
        if self._kept + loan.size <= KEPT:
            self._kept += loan.size
            self._free.setdefault(loan.size, []).append(loan.block)


class Lender(Protocol):
    """Who gives memory: a backend."""

    def empty(self, shape: Shape, dtype: Any) -> Native:
        """Return an uninitialised array."""


def empty_like(lender: Lender, x: Native, shape: Shape | None = None) -> Native:
    """Return an uninitialised array, of x's shape unless one is given, its axes in memory in the order of x's."""
    order = sorted(range(x.ndim), key=lambda axis: -x.strides[axis])
    sizes = x.shape if shape is None else shape
    array = lender.empty(tuple(sizes[axis] for axis in order), x.dtype)
    return array.transpose(sorted(range(x.ndim), key=order.__getitem__))


def _block(size: int) -> Block:
    """Return fresh memory, and where in it an array starts.

    A bytearray, for a view of an array in it holds on to that array; if the memory belonged to an array, or to a
    memoryview of one, NumPy would let the view hold on to the memory alone, and the block would come back too early.
    """
    room = bytearray(size + ALIGNED)
    return room, -np.frombuffer(room, np.uint8).ctypes.data % ALIGNED
