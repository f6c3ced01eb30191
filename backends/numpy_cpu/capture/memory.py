"""Memory for results that is used again as soon as the result is garbage.

A training step makes the same arrays in every call. Fresh memory from the system costs more than most passes over it
(the kernel clears every page first), and the cost depends on what else the process allocates. So large results live in
blocks that are lent and come back by themselves: every view of an array keeps that array alive, and when the array is
destroyed its block is free for the next result of that size.
"""

import math
import mmap
import weakref
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from cnnkit.backends.protocol import Native, Shape

SMALL = 1 << 15  # bytes; below, the memory of the C library is as fast
MOST_FREE = 1 << 30  # bytes of free blocks that are kept; beyond, a block that comes back is released
ALIGNMENT = 64  # bytes: one cache line
LARGE = 1 << 20  # bytes; from here on a block comes from the system, and returns there when it is released
MOST_SCRATCH = 1000  # buffers and views that a workspace keeps


_Block = tuple[bytearray | mmap.mmap, int]  # the memory, and the offset of an array in it


class _Loan(weakref.ref[Native]):
    """A weak reference to an array that lives in a block."""

    __slots__ = ("block", "period", "size")
    block: _Block
    size: int
    period: int


class Memory:
    """Blocks of memory, lent as arrays.

    small: arrays of fewer bytes get memory of their own.
    """

    def __init__(self, small: int = SMALL) -> None:
        self._small = small
        self._free: dict[int, list[_Block]] = {}  # by size
        self._waiting: list[_Loan] = []  # came back while `hold` was in force
        self._loans: dict[int, _Loan] = {}
        self._free_bytes = 0
        self._holding, self._period = False, 0

    def empty(self, shape: Shape, dtype: Any) -> Native:
        """Return an uninitialised array."""
        dtype = np.dtype(dtype)
        size = math.prod(shape) * dtype.itemsize
        if size < self._small:
            return np.empty(shape, dtype)
        try:
            block = self._free[size].pop()
            self._free_bytes -= size
        except (KeyError, IndexError):
            block = _block(size)
        array: Native = np.ndarray(shape, dtype, *block)
        loan = _Loan(array, self._take_back)
        loan.block, loan.size, loan.period = block, size, self._period
        self._loans[id(loan)] = loan
        return array

    def hold(self) -> None:
        """Do not lend again, until `resume`, any block that was lent before this call."""
        self._holding = True
        self._period += 1

    def resume(self) -> None:
        """End `hold`: the blocks that came back meanwhile are free."""
        self._holding = False
        for loan in self._waiting:
            self._set_free(loan)
        self._waiting.clear()

    def clear(self) -> None:
        """Release the free blocks."""
        self._free.clear()
        self._free_bytes = 0

    def add_free(self, other: "Memory") -> None:
        """Lend the free blocks of another memory too."""
        for size, blocks in other._free.items():
            self._free.setdefault(size, []).extend(blocks)

    def _take_back(self, loan: _Loan) -> None:
        del self._loans[id(loan)]
        if self._holding and loan.period != self._period:
            self._waiting.append(loan)
        else:
            self._set_free(loan)

    def _set_free(self, loan: _Loan) -> None:
        if self._free_bytes + loan.size <= MOST_FREE:
            self._free_bytes += loan.size
            self._free.setdefault(loan.size, []).append(loan.block)


class Allocator(Protocol):
    """A source of arrays: a backend or a workspace."""

    def empty(self, shape: Shape, dtype: Any) -> Native:
        """Return an uninitialised array."""


class Workspace:
    """Memory for results and named buffers for intermediate values, used by one thread at a time.

    wrap: applied to each array before it is returned.
    """

    def __init__(self, memory: Memory, wrap: Callable[[Native], Native] | None = None) -> None:
        self.memory, self._wrap = memory, wrap
        self._buffers: dict[Any, Native] = {}  # (name, dtype) -> buffer, (name, shape, dtype) -> view of it

    def empty(self, shape: Shape, dtype: Any) -> Native:
        """Return an uninitialised array."""
        array = self.memory.empty(shape, dtype)
        return array if self._wrap is None else self._wrap(array)

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
                del buffers[old]  # views of the buffer that is too small
            flat = np.empty(size, dtype)
            buffers[name, dtype] = flat = flat if self._wrap is None else self._wrap(flat)
        buffers[key] = flat[:size].reshape(shape)
        return buffers[key]


def empty_like(allocator: Allocator, x: Native, shape: Shape | None = None, dtype: Any = None) -> Native:
    """Return an uninitialised array whose axes have the same order in memory as those of x.

    shape, dtype: default to those of x.
    """
    order = sorted(range(x.ndim), key=lambda axis: -x.strides[axis])
    sizes = x.shape if shape is None else shape
    array = allocator.empty(tuple(sizes[axis] for axis in order), x.dtype if dtype is None else np.dtype(dtype))
    return array.transpose(sorted(range(x.ndim), key=order.__getitem__))


def view_without_loan(array: Native) -> Native:
    """Return an array on the same memory that keeps the memory but not the loan: the block may be lent again."""
    root = array
    while isinstance(root.base, np.ndarray):
        root = root.base
    if not isinstance(root.base, bytearray | mmap.mmap):
        return array.view(np.ndarray)
    start = address(array) - address(np.frombuffer(root.base, np.uint8))
    return np.ndarray(array.shape, array.dtype, root.base, start, array.strides)


def address(array: Native) -> int:
    """Return the memory address of the first value."""
    pointer: int = array.__array_interface__["data"][0]
    return pointer


def _block(size: int) -> _Block:
    """Return fresh memory, and the offset at which an array in it starts.

    The memory must not belong to a NumPy array or a memoryview of one: then views of a lent array would keep only the
    memory alive, not the lent array, and the block would come back too early.
    """
    if size >= LARGE and hasattr(mmap, "MAP_PRIVATE"):  # private: a forked child must not write to it
        return mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS), 0
    room = bytearray(size + ALIGNMENT)
    return room, -address(np.frombuffer(room, np.uint8)) % ALIGNMENT
