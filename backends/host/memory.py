"""Memory for results that is used again as soon as nobody holds the result any more.

A training step makes the same arrays over and over. Fresh memory from the system costs more than most passes over it
(the kernel clears every page first), and what it costs depends on all else that the process allocates. So large results
live in blocks that are lent out and come back by themselves: every view of an array keeps that array alive, and when it
dies its block is free for the next result of that size.
"""

import math
import mmap
import weakref
from typing import Any, Protocol

import numpy as np

from cnnkit.backends.protocol import Native, Shape

SMALL = 1 << 15  # bytes below which the C library's own memory is as quick
KEPT = 1 << 30  # bytes of free blocks that are kept; beyond, a block that comes back is given up
ALIGNED = 64  # bytes: a line of the cache
LARGE = 1 << 20  # bytes from which a block is asked of the system, so that it goes back there when it is given up
MOST_SCRATCH = 1000  # shapes that a workspace's buffers are kept in


Block = tuple[bytearray | mmap.mmap, int]


class _Loan(weakref.ref[Native]):
    """A weak reference to an array that lives in a block."""

    __slots__ = ("block", "size")
    block: Block
    size: int


class Memory:
    """Blocks lent out as arrays.

    small: bytes below which an array has memory of its own.
    paused: while True, blocks that come back are not lent again.
    """

    def __init__(self, small: int = SMALL) -> None:
        self._small, self.paused = small, False
        self._free: dict[int, list[Block]] = {}  # by size
        self._waiting: list[tuple[int, Block]] = []  # came back in a pause
        self._loans: dict[int, _Loan] = {}
        self._kept = 0

    def empty(self, shape: Shape, dtype: Any) -> Native:
        """Return an uninitialised array."""
        dtype = np.dtype(dtype)
        size = math.prod(shape) * dtype.itemsize
        if size < self._small:
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

    def borrow(self, other: "Memory") -> None:
        """Lend the free blocks of another one too, until `clear`."""
        for size, blocks in other._free.items():
            self._free.setdefault(size, []).extend(blocks)
            self._kept += size * len(blocks)

    def clear(self) -> None:
        """Give up the free blocks."""
        self._free.clear()
        self._kept = 0

    def resume(self) -> None:
        """End a pause."""
        self.paused = False
        for size, block in self._waiting:
            self._keep(size, block)
        self._waiting.clear()

    def _take_back(self, loan: _Loan) -> None:
        del self._loans[id(loan)]
        if self.paused:
            self._waiting.append((loan.size, loan.block))
        else:
            self._keep(loan.size, loan.block)

    def _keep(self, size: int, block: Block) -> None:
        if self._kept + size <= KEPT:
            self._kept += size
            self._free.setdefault(size, []).append(block)


class Lender(Protocol):
    """Who gives memory: a backend, or a workspace."""

    def empty(self, shape: Shape, dtype: Any) -> Native:
        """Return an uninitialised array."""


class Workspace:
    """Where one thread at a time works: memory for results, and buffers by name for what is needed in between.

    kind: the class of the arrays, numpy.ndarray or one of its subclasses.
    """

    def __init__(self, memory: Memory, kind: type[Native] = np.ndarray) -> None:
        self.memory, self._kind = memory, kind
        self._buffers: dict[Any, Native] = {}  # one for each (name, dtype), and its views (name, shape, dtype)

    def empty(self, shape: Shape, dtype: Any) -> Native:
        """Return an uninitialised array."""
        array = self.memory.empty(shape, dtype)
        return array if self._kind is np.ndarray else array.view(self._kind)

    def scratch(self, name: str, shape: Shape, dtype: Any) -> Native:
        """Return an uninitialised buffer that lives until the next call with this name."""
        buffers = self._buffers
        key = (name, shape, dtype)
        try:
            return buffers[key]
        except KeyError:
            pass
        size = math.prod(shape)
        flat = buffers.get((name, dtype))
        if flat is None or flat.size < size or len(buffers) > MOST_SCRATCH:
            for old in [other for other in buffers if other[0] == name and other[-1] == dtype]:
                del buffers[old]  # they are views of the buffer that is too small
            flat = buffers[name, dtype] = np.empty(size, dtype).view(self._kind)
        buffers[key] = flat[:size].reshape(shape)
        return buffers[key]


def empty_like(lender: Lender, x: Native, shape: Shape | None = None) -> Native:
    """Return an uninitialised array, of x's shape unless one is given, its axes in memory in the order of x's."""
    order = sorted(range(x.ndim), key=lambda axis: -x.strides[axis])
    sizes = x.shape if shape is None else shape
    array = lender.empty(tuple(sizes[axis] for axis in order), x.dtype)
    return array.transpose(sorted(range(x.ndim), key=order.__getitem__))


def lasting(array: Native) -> Native:
    """Return an array on the same memory that keeps the memory but not the loan: its block may be lent again."""
    root = array
    while isinstance(root.base, np.ndarray):
        root = root.base
    if not isinstance(root.base, bytearray | mmap.mmap):
        return array.view(np.ndarray)
    start = _address(array) - _address(np.frombuffer(root.base, np.uint8))
    return np.ndarray(array.shape, array.dtype, root.base, start, array.strides)


def _address(array: Native) -> int:
    address: int = array.__array_interface__["data"][0]
    return address


def _block(size: int) -> Block:
    """Return fresh memory, and where in it an array starts.

    No array, for a view of an array in it holds on to that array; if the memory belonged to an array, or to a
    memoryview of one, NumPy would let the view hold on to the memory alone, and the block would come back too early.
    """
    if size >= LARGE and hasattr(mmap, "MAP_PRIVATE"):  # private: a forked child must not write into it
        return mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS), 0
    small = bytearray(size + ALIGNED)
    return small, -_address(np.frombuffer(small, np.uint8)) % ALIGNED
