"""NumPy: arrays on the host, with buffers that are kept and shards of the batch on threads."""

import functools
import math
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np

from cnnkit.backends import numpy_composites, numpy_convolution, numpy_pooling
from cnnkit.backends.array_code.array_backend import ArrayBackend
from cnnkit.backends.blas_threads import single_threaded_blas
from cnnkit.backends.composite import Rule
from cnnkit.backends.numpy_memory import Memory, empty_like
from cnnkit.backends.numpy_products import LARGE, product, shared_product
from cnnkit.backends.numpy_windows import windows_on
from cnnkit.backends.protocol import Native, Padding, Pair, Shape, Step

T = TypeVar("T")

# Samples a shard. Many make long runs in memory (numpy_windows.py) and few calls from Python, few make work for several
# threads and arrays that fit the cache.
SMALLEST_SHARD, LARGEST_SHARD = 16, 32
SHARDS = 4  # into which a batch is cut if its shards have between so many samples
FEWEST_VALUES, MOST_VALUES = 1 << 12, 1 << 17  # of a shard's input: very small images come in more, large ones in fewer
UPDATE_VALUES = 1 << 15  # of an optimizer's arrays in one go: what a formula makes of them stays in the cache
WORTH_A_THREAD = 4e-4  # seconds: quicker shards lose more by waiting for Python's lock than they win
MOST_SCRATCH = 1000  # shapes that a thread's buffers are kept in


class _Scratch(threading.local):
    """A thread's buffers: one for each (name, dtype), and its views (name, shape, dtype)."""

    def __init__(self) -> None:
        self.views: dict[Any, Native] = {}


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
        self._local = _Scratch()
        self._pace: dict[Any, float] = {}  # seconds that a shard of a kind took last time
        self.empty = Memory().empty

    def scratch(self, name: str, shape: Shape, dtype: Any) -> Native:
        """Return an uninitialised buffer of this thread that lives until the next call with this name."""
        views = self._local.views
        key = (name, shape, dtype)
        try:
            return views[key]
        except KeyError:
            pass
        size = math.prod(shape)
        flat = views.get((name, dtype))
        if flat is None or flat.size < size or len(views) > MOST_SCRATCH:
            for old in [other for other in views if other[0] == name and other[-1] == dtype]:
                del views[old]  # they are views of the buffer that is too small
            flat = views[name, dtype] = np.empty(size, dtype)
        views[key] = flat[:size].reshape(shape)
        return views[key]

    def to_numpy(self, x: Native) -> Native:
        return np.asarray(x)

    def gemm(self, x: Native, y: Native, out: Native = None) -> Native:
        if _in_shard() or min(x.ndim, y.ndim) < 2 or x.size * y.shape[-1] < LARGE:
            return product(x, y, out)
        return shared_product(self._each, self.empty, x, y, out)

    def concatenate(self, arrays: Sequence[Native], axis: int = 0) -> Native:
        if any(array.dtype != arrays[0].dtype for array in arrays):
            return np.concatenate(arrays, axis)
        shape = list(arrays[0].shape)
        shape[axis] = sum(array.shape[axis] for array in arrays)
        return np.concatenate(arrays, axis, out=empty_like(self, arrays[0], tuple(shape)))

    # ---- convolution and pooling

    def conv2d(self, x: Native, weight: Native, stride: Pair, padding: Padding, dilation: Pair, groups: int) -> Native:
        windows = windows_on(x.shape, weight.shape[2:], stride, padding, dilation)
        return numpy_convolution.forward(self, x, weight, windows, groups)

    def conv2d_input_gradient(
        self, dy: Native, weight: Native, x_shape: Shape, stride: Pair, padding: Padding, dilation: Pair, groups: int
    ) -> Native:
        windows = windows_on(x_shape, weight.shape[2:], stride, padding, dilation)
        return numpy_convolution.input_gradient(self, dy, weight, windows, groups)

    def conv2d_weight_gradient(
        self, dy: Native, x: Native, weight_shape: Shape, stride: Pair, padding: Padding, dilation: Pair, groups: int
    ) -> Native:
        windows = windows_on(x.shape, (weight_shape[2], weight_shape[3]), stride, padding, dilation)
        return numpy_convolution.weight_gradient(self, dy, x, weight_shape, windows, groups)

    def max_pool2d(self, x: Native, window: Pair, stride: Pair, padding: Padding) -> tuple[Native, Any]:
        return numpy_pooling.max_forward(self, x, windows_on(x.shape, window, stride, padding))

    def max_pool2d_gradient(
        self, dy: Native, saved: Any, x_shape: Shape, window: Pair, stride: Pair, padding: Padding
    ) -> Native:
        return numpy_pooling.max_gradient(self, dy, saved, windows_on(x_shape, window, stride, padding))

    def average_pool2d(self, x: Native, window: Pair, stride: Pair, padding: Padding, count_padding: bool) -> Native:
        return numpy_pooling.average_forward(self, x, windows_on(x.shape, window, stride, padding), count_padding)

    def average_pool2d_gradient(
        self, dy: Native, x_shape: Shape, window: Pair, stride: Pair, padding: Padding, count_padding: bool
    ) -> Native:
        return numpy_pooling.average_gradient(self, dy, windows_on(x_shape, window, stride, padding), count_padding)

    # ---- composites

    def add_bias(self, x: Native, bias: Native, relu: bool = False) -> Native:
        return numpy_composites.add_bias(x, bias, relu)

    def add_bias_gradient(self, dy: Native, y: Native, relu: bool = False) -> tuple[Native, Native]:
        return numpy_composites.add_bias_gradient(self, dy, y, relu)

    def one_hot(self, labels: Native, like: Native) -> Native:
        return numpy_composites.one_hot(labels, like)

    def update(
        self, rule: Rule, parameter: Native, gradient: Native, slots: dict[str, Native], scalars: Mapping[str, Any]
    ) -> tuple[Native, dict[str, Native]]:
        def part(start: int) -> None:
            cut = slice(start, start + UPDATE_VALUES)
            numpy_composites.update_part(self, rule, cut, parameter, gradient, slots, scalars)

        if parameter.ndim == 1 and parameter.size > UPDATE_VALUES:
            self._each(part, range(0, parameter.size, UPDATE_VALUES))
        else:
            numpy_composites.update_part(self, rule, slice(None), parameter, gradient, slots, scalars)
        return parameter, slots

    def pack(self, arrays: Sequence[Native]) -> Native:
        flat = self.empty((sum(array.size for array in arrays),), arrays[0].dtype)
        start = 0
        for array in arrays:
            end = start + array.size
            flat[start:end].reshape(array.shape)[...] = array
            start = end
        return flat

    # ---- running a step

    def shard_size(self, x_shape: Shape) -> int:
        wanted = min(max(x_shape[0] // SHARDS, SMALLEST_SHARD), LARGEST_SHARD)
        values = max(math.prod(x_shape[1:]), 1)
        return max(1, min(max(wanted, FEWEST_VALUES // values), MOST_VALUES // values))

    def map_samples(self, function: Callable[..., T], size: int, *arrays: Native) -> list[T]:
        firsts = range(0, max(len(arrays[0]), 1), size)  # a batch of none is one shard
        kind = (getattr(function, "__qualname__", ""), arrays[0].shape)

        def one(first: int) -> T:
            started = time.thread_time()
            result = function(first, *(a[first : first + size] for a in arrays))
            if first == 0:
                self._pace[kind] = time.thread_time() - started
            return result

        return self._each(one, firsts, quick=self._pace.get(kind, 1.0) < WORTH_A_THREAD)

    def _each(self, function: Callable[[int], T], starts: range, quick: bool = False) -> list[T]:
        """Return [function(start), ...], worked out on the threads unless they are `quick`."""
        # A pool that waits for itself would wait for ever, so work inside a shard is done one after the other.
        if _in_shard() or len(starts) == 1:
            return [function(start) for start in starts]
        with single_threaded_blas():
            if self.threads > 1 and not quick:
                return list(_pool(self.threads, os.getpid()).map(function, starts))
            _worker.at_work = True
            try:
                return [function(start) for start in starts]
            finally:
                _worker.at_work = False

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
