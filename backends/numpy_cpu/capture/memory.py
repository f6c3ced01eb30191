"""Memory for results that is used again as soon as nobody holds the result any more.

A training step makes the same arrays over and over. Fresh memory from the system costs more than most passes over it
(the kernel clears every page first), and what it costs depends on all else that the process allocates. So large results
live in blocks that are lent out and come back by themselves: every view of an array keeps that array alive, and when it
dies its block is free for the next result of that size.
"""

import math
import mmap
import weakref
from collections.abc import Callable
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

    __slots__ = ("block", "period", "size")
    block: Block
    size: int
    period: int


class Memory:
    """Blocks lent out as arrays.

    small: bytes below which an array has memory of its own.
    """

    def __init__(self, small: int = SMALL) -> None:
        self._small = small
        self._free: dict[int, list[Block]] = {}  # by size
        self._waiting: list[_Loan] = []  # came back, and are held
        self._loans: dict[int, _Loan] = {}
        self._kept = 0
        self._holding, self._period = False, 0

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
        loan.block, loan.size, loan.period = block, size, self._period
        self._loans[id(loan)] = loan
        return array

    def hold(self) -> None:
        """From now on lend no block again that was lent before now."""
        self._holding = True
        self._period += 1

    def resume(self) -> None:
        """Lend again whatever has come back."""
        self._holding = False
        for loan in self._waiting:
            self._keep(loan)
        self._waiting.clear()

    def clear(self) -> None:
        """Give up the free blocks."""
        self._free.clear()
        self._kept = 0

    def add_free(self, other: "Memory") -> None:
        """Lend what is free in another one too."""
        for size, blocks in other._free.items():
            self._free.setdefault(size, []).extend(blocks)

    def _take_back(self, loan: _Loan) -> None:
        del self._loans[id(loan)]
        if self._holding and loan.period != self._period:
            self._waiting.append(loan)
        else:
            self._keep(loan)

    def _keep(self, loan: _Loan) -> None:
        if self._kept + loan.size <= KEPT:
            self._kept += loan.size
            self._free.setdefault(loan.size, []).append(loan.block)


class Lender(Protocol):
    """Who gives memory: a backend, or a workspace."""

    def empty(self, shape: Shape, dtype: Any) -> Native:
        """Return an uninitialised array."""


class Workspace:
    """Where one thread at a time works: memory for results, and buffers by name for what is needed in between.

    kind: what is made of each array before it is given out.
    """

    def __init__(self, memory: Memory, kind: Callable[[Native], Native] | None = None) -> None:
        self.memory, self._kind = memory, kind
        self._buffers: dict[Any, Native] = {}  # one for each (name, dtype), and its views (name, shape, dtype)

    def empty(self, shape: Shape, dtype: Any) -> Native:
        """Return an uninitialised array."""
        array = self.memory.empty(shape, dtype)
        return array if self._kind is None else self._kind(array)

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
            flat = np.empty(size, dtype)
            buffers[name, dtype] = flat = flat if self._kind is None else self._kind(flat)
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
    start = address(array) - address(np.frombuffer(root.base, np.uint8))
    return np.ndarray(array.shape, array.dtype, root.base, start, array.strides)


def address(array: Native) -> int:
    """Return where the first value lies."""
    found: int = array.__array_interface__["data"][0]
    return found


def _block(size: int) -> Block:
    """Return fresh memory, and where in it an array starts.

    No array, for a view of an array in it holds on to that array; if the memory belonged to an array, or to a
    memoryview of one, NumPy would let the view hold on to the memory alone, and the block would come back too early.
    """
    if size >= LARGE and hasattr(mmap, "MAP_PRIVATE"):  # private: a forked child must not write into it
        return mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS), 0
    room = bytearray(size + ALIGNED)
    return room, -address(np.frombuffer(room, np.uint8)) % ALIGNED
