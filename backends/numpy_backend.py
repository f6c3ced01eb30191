"""NumPy: the array code on the host, with buffers that are kept and shards of the batch on threads."""

import functools
import math
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np

from cnnkit.backends.array_code.array_backend import ArrayBackend
from cnnkit.backends.blas_threads import single_threaded_blas
from cnnkit.backends.protocol import Native, Shape, Step

T = TypeVar("T")

# Input values a shard: its im2col buffers stay in the second-level cache, and it is worth a thread's while.
SHARD_VALUES = 8 * 28 * 28
SMALLEST_SHARD = 4  # samples
LARGE_PRODUCT = 1 << 24  # multiply-adds from which a product is worth several threads
PARTS = 4  # into which such a product is cut


class NumpyBackend(ArrayBackend):
    """The primitives on numpy.ndarray.

    threads: None is one a core. How work is cut depends on shapes alone, and BLAS is kept to one thread while a step
    runs: its own threads wait by spinning, which is slow where cores are shared, and split sums by their number. So a
    training gives the same bits on any number of threads.
    """

    name = "numpy"

    def __init__(self, device: str | None = None, threads: int | None = None) -> None:
        super().__init__(np)
        self.threads = threads or _cores()
        self._local = threading.local()

    def scratch(self, name: str, shape: Shape, dtype: Any) -> Native:
        buffers: dict[str, Any] = self._local.__dict__
        key = name + np.dtype(dtype).char
        size = math.prod(shape)
        flat = buffers.get(key)
        if flat is None or flat.size < size:
            flat = buffers[key] = np.empty(size, dtype)
        return flat[:size].reshape(shape)

    def to_numpy(self, x: Native) -> Native:
        return np.asarray(x)

    def gemm(self, x: Native, y: Native, out: Native = None) -> Native:
        if x.size * y.shape[-1] < LARGE_PRODUCT or _in_shard():
            return np.matmul(x, y, out=out)
        rows, columns = x.shape[-2], y.shape[-1]
        if out is None:
            out = np.empty((*np.broadcast_shapes(x.shape[:-2], y.shape[:-2]), rows, columns), x.dtype)
        by_row, size = rows > columns, -(-max(rows, columns) // PARTS)

        def part(start: int) -> None:
            cut = slice(start, start + size)
            if by_row:
                np.matmul(x[..., cut, :], y, out=out[..., cut, :])
            else:
                np.matmul(x, y[..., cut], out=out[..., cut])

        self._each(part, range(0, max(rows, columns), size))
        return out

    def shard_size(self, x_shape: Shape) -> int:
        return max(SMALLEST_SHARD, SHARD_VALUES // math.prod(x_shape[1:]))

    def map_samples(self, function: Callable[..., T], size: int, *arrays: Native) -> list[T]:
        firsts = range(0, max(len(arrays[0]), 1), size)  # a batch of none is one shard

        def one(first: int) -> T:
            return function(first, *(a[first : first + size] for a in arrays))

        return self._each(one, firsts)

    def _each(self, function: Callable[[int], T], starts: range) -> list[T]:
        """Return [function(start), ...], worked out on the threads."""
        # A pool that waits for itself would wait for ever, so work inside a shard is done one after the other.
        if _in_shard():
            return [function(start) for start in starts]
        with single_threaded_blas():
            if self.threads == 1 or len(starts) == 1:
                return [function(start) for start in starts]
            return list(_pool(self.threads, os.getpid()).map(function, starts))

    def compile(self, step: Step) -> Step:
        def run(*arguments: Any) -> Any:
            with np.errstate(all="ignore"), single_threaded_blas():
                return step(*arguments)

        return run


_worker = threading.local()


@functools.cache
def _pool(threads: int, process: int) -> ThreadPoolExecutor:  # noqa: ARG001 (a forked child needs threads of its own)
    return ThreadPoolExecutor(threads, thread_name_prefix="cnnkit", initializer=_begin_work)


def _begin_work() -> None:
    """Mark a thread of the pool; let infinities and NaN arise in it: training looks at the loss and explains it."""
    _worker.at_work = True
    np.seterr(all="ignore")


def _in_shard() -> bool:
    return getattr(_worker, "at_work", False)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
