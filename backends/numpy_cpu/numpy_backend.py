"""NumPy: arrays on the host, with reused memory, and shards of the batch in several threads."""

import functools
import math
import os
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

import numpy as np

from cnnkit.backends.execution import require_threads
from cnnkit.backends.numpy_cpu.capture.memory import Memory, Workspace, empty_like
from cnnkit.backends.numpy_cpu.capture.replay import ThreadLocalStep
from cnnkit.backends.numpy_cpu.capture.traced_array import TracedArray
from cnnkit.backends.numpy_cpu.capture.tracer import active_tracer
from cnnkit.backends.numpy_cpu.kernels import composites, convolution, pooling
from cnnkit.backends.numpy_cpu.kernels.products import LARGE, product, shared_product
from cnnkit.backends.numpy_cpu.kernels.windows import samples_last_in_memory, windows_on
from cnnkit.backends.numpy_cpu.threads.blas_threads import single_threaded_blas
from cnnkit.backends.numpy_cpu.threads.pool_work import run_in_pool
from cnnkit.backends.numpy_cpu.threads.thread_tuner import ThreadTuner
from cnnkit.backends.protocol import Native, Padding, Shape, Sizes, Step
from cnnkit.backends.shared.array_backend import ArrayBackend

T = TypeVar("T")

# Samples per shard. Large shards mean long runs in memory (windows.py) and few calls from Python, small ones mean work
# for several threads and arrays that fit the cache.
SMALLEST_SHARD, LARGEST_SHARD = 16, 32
SHARDS = 4  # per batch, if that gives shards between these sizes
FEWEST_VALUES, MOST_VALUES = 1 << 15, 1 << 17  # per shard: more samples of very small images, fewer of large ones
MOST_KINDS = 1000  # of work whose times are remembered
UPDATE_VALUES = 1 << 15  # of an optimizer's arrays at a time, so that intermediate values stay in the cache


class NumpyBackend(ArrayBackend):
    """The primitives on numpy.ndarray.

    threads: None means one per core. Work is cut by shapes alone, and BLAS uses one thread while a step runs: its own
    threads wait by spinning, which is slow where cores are shared, and split sums by their number. So a training gives
    the same bits on any number of threads.
    captures: whether compiled steps are recorded and replayed.
    """

    name = "numpy"
    captures = True

    def __init__(self, device: str | None = None, threads: int | None = None) -> None:
        super().__init__(np)
        self.threads = require_threads(threads) or _cores()
        self.memory = Memory()
        self._local = threading.local()
        self._tuners: defaultdict[Any, ThreadTuner] = defaultdict(ThreadTuner)  # by the kind of the work

    def _workspace(self) -> Workspace:
        """Return the workspace of this thread, or of the tracer that is recording it."""
        tracer = active_tracer()
        if tracer is not None:
            return tracer.workspace
        try:
            workspace: Workspace = self._local.workspace
        except AttributeError:
            workspace = self._local.workspace = Workspace(self.memory)
        return workspace

    @contextmanager
    def isolate_thread(self, memory: Memory) -> Iterator[None]:
        """Let this thread work in this memory, without the help of other threads, inside a `with` block."""
        before, self._local.workspace, self._local.isolated = self._workspace(), Workspace(memory), True
        try:
            yield
        finally:
            self._local.workspace, self._local.isolated = before, False

    def empty(self, shape: Shape, dtype: Any) -> Native:
        """Return an uninitialised array."""
        return self._workspace().empty(shape, dtype)

    def scratch(self, name: str, shape: Shape, dtype: Any) -> Native:
        """Return an uninitialised buffer of this thread that lives until the next call with this name."""
        return self._workspace().scratch(name, shape, dtype)

    def asarray(self, values: Any, dtype: str | None = None) -> Native:
        if isinstance(values, TracedArray):
            return values if dtype in (None, values.dtype) else values.astype(dtype)
        return np.asarray(values, dtype)

    def to_numpy(self, x: Native) -> Native:
        return np.asarray(x)

    def exp(self, x: Native) -> Native:
        with np.errstate(over="ignore"):  # infinity is the right result
            return np.exp(x)

    def matmul(self, x: Native, y: Native) -> Native:
        """Return x y in the memory layout of x: if samples are last in x, they are last in the result."""
        if x.ndim == y.ndim == 2 and x.flags.f_contiguous and not x.flags.c_contiguous:
            out = self.empty((y.shape[1], x.shape[0]), np.result_type(x.dtype, y.dtype))
            return self.gemm(y.T, x.T, out).T
        return self.gemm(x, y)

    def gemm(self, x: Native, y: Native, out: Native = None) -> Native:
        if min(x.ndim, y.ndim) < 2 or x.dtype != y.dtype or x.dtype.kind != "f":
            return np.matmul(x, y, out=out)
        if _in_worker() or x.size * y.shape[-1] < LARGE:
            return product(self.empty, x, y, out)
        return shared_product(functools.partial(self._run_pieces, ("gemm", x.shape, y.shape)), self.empty, x, y, out)

    def concatenate(self, arrays: Sequence[Native], axis: int = 0) -> Native:
        if any(array.dtype != arrays[0].dtype for array in arrays):
            return np.concatenate(arrays, axis)
        shape = list(arrays[0].shape)
        shape[axis] = sum(array.shape[axis] for array in arrays)
        return np.concatenate(arrays, axis, out=empty_like(self, arrays[0], tuple(shape)))

    # ---- convolution and pooling

    def convolve(
        self, x: Native, weight: Native, stride: Sizes, padding: Padding, dilation: Sizes, groups: int
    ) -> Native:
        windows = windows_on(x.shape, weight.shape[2:], stride, padding, dilation)
        return convolution.forward(self, x, weight, windows, groups)

    def convolve_input_gradient(
        self, dy: Native, weight: Native, x_shape: Shape, stride: Sizes, padding: Padding, dilation: Sizes, groups: int
    ) -> Native:
        windows = windows_on(x_shape, weight.shape[2:], stride, padding, dilation)
        return convolution.input_gradient(self, dy, weight, windows, groups)

    def convolve_weight_gradient(
        self, dy: Native, x: Native, weight_shape: Shape, stride: Sizes, padding: Padding, dilation: Sizes, groups: int
    ) -> Native:
        windows = windows_on(x.shape, weight_shape[2:], stride, padding, dilation)
        return convolution.weight_gradient(self, dy, x, weight_shape, windows, groups)

    def max_pool(
        self, x: Native, window: Sizes, stride: Sizes, padding: Padding, dilation: Sizes
    ) -> tuple[Native, Any]:
        return pooling.max_forward(self, x, windows_on(x.shape, window, stride, padding, dilation))

    def max_pool_gradient(
        self, dy: Native, saved: Any, x_shape: Shape, window: Sizes, stride: Sizes, padding: Padding, dilation: Sizes
    ) -> Native:
        return pooling.max_gradient(self, dy, saved, windows_on(x_shape, window, stride, padding, dilation))

    def average_pool(
        self, x: Native, window: Sizes, stride: Sizes, padding: Padding, dilation: Sizes, counted: Padding
    ) -> Native:
        return pooling.average_forward(self, x, windows_on(x.shape, window, stride, padding, dilation), counted)

    def average_pool_gradient(
        self, dy: Native, x_shape: Shape, window: Sizes, stride: Sizes, padding: Padding, dilation: Sizes,
        counted: Padding,
    ) -> Native:  # fmt: skip
        return pooling.average_gradient(self, dy, windows_on(x_shape, window, stride, padding, dilation), counted)

    # ---- composites

    def add_bias(self, x: Native, bias: Native, relu: bool = False) -> Native:
        return composites.add_bias(x, bias, relu)

    def add_bias_gradient(self, dy: Native, y: Native, relu: bool = False) -> tuple[Native, Native]:
        return composites.add_bias_gradient(self, dy, y, relu)

    def one_hot(self, labels: Native, like: Native) -> Native:
        return composites.one_hot(self, labels, like)

    def drop_ignored(self, labels: Native, *arrays: Native) -> tuple[Native, ...]:
        if self.parts is not None:
            return super().drop_ignored(labels, *arrays)
        number, tracer = self.empty((), arrays[0].dtype), active_tracer()
        if tracer is None:
            composites.drop_ignored(labels, number, *arrays)
        else:
            tracer.record(composites.drop_ignored, labels, number, *arrays, writes=number)
        return number, *arrays

    def update(
        self, formula: Callable[..., tuple[Native, ...]], parameter: Native, gradient: Native, *slots: Native
    ) -> tuple[Native, ...]:
        def piece(start: int) -> None:
            cut = slice(start, start + UPDATE_VALUES)
            composites.update(formula, parameter[cut], gradient[cut], *(slot[cut] for slot in slots))

        if parameter.ndim == 1 and parameter.size > UPDATE_VALUES:
            self._run_pieces(("update", parameter.size), piece, range(0, parameter.size, UPDATE_VALUES))
        else:
            composites.update(formula, parameter, gradient, *slots)
        return (parameter, *slots)

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
        count, values = x_shape[0], max(math.prod(x_shape[1:]), 1)
        wanted = max(min(max(count // SHARDS, SMALLEST_SHARD), LARGEST_SHARD), FEWEST_VALUES // values)
        most = max(1, min(wanted, MOST_VALUES // values))
        shards = max(1, -(-count // most))
        return max(1, -(-count // shards))  # of nearly equal size

    def map_samples(self, function: Callable[..., T], size: int, *arrays: Native, label: str = "") -> list[T]:
        firsts = range(0, max(len(arrays[0]), 1), size)  # an empty batch is one shard
        kind = (label, arrays[0].shape)

        def one(first: int) -> T:
            return function(first, *(samples_last_in_memory(self, a[first : first + size]) for a in arrays))

        return self._run_pieces(kind, one, firsts)

    def _run_pieces(self, kind: Any, function: Callable[[int], T], starts: range) -> list[T]:
        """Return [function(start), ...], computed in several threads where that is faster for this kind of work."""
        # A worker of the pool must not wait for the pool, which would wait for ever: it runs its pieces in turn.
        if _in_worker() or len(starts) == 1:
            return [function(start) for start in starts]
        if len(self._tuners) > MOST_KINDS:
            self._tuners.clear()
        tuner, tracer, started = self._tuners[kind], active_tracer(), time.perf_counter()
        threaded = self.threads > 1 and not getattr(self._local, "isolated", False) and tuner.choose()
        with single_threaded_blas():
            if threaded and tracer is None:
                results = run_in_pool(self._pool(), function, starts)
            else:
                with _acting_as_worker():
                    if self.threads > 1 and tracer is not None:
                        return tracer.record_in_parallel(function, starts, self.threads, self._pool)
                    results = [function(start) for start in starts]
        tuner.record(threaded, time.perf_counter() - started)
        return results

    def _pool(self) -> ThreadPoolExecutor:
        return _pool(self.threads, os.getpid())

    def compile(self, step: Step, impure: str | None = None) -> Step:
        reason = impure if self.captures else "capturing is switched off"
        if np.lib.NumpyVersion(np.__version__) < "2.0.0":  # it gives numbers without axes other dtypes
            reason = f"it needs NumPy 2, this is {np.__version__}"
        return ThreadLocalStep(step, self, reason)


_thread = threading.local()


@functools.cache
def _pool(threads: int, process: int) -> ThreadPoolExecutor:  # noqa: ARG001 (a forked child needs threads of its own)
    return ThreadPoolExecutor(threads, thread_name_prefix="cnnkit", initializer=_become_worker)


def _become_worker() -> None:
    """Mark this thread as one of the pool, and switch off its warnings about infinities and NaN."""
    _thread.is_worker = True
    np.seterr(all="ignore")


@contextmanager
def _acting_as_worker() -> Iterator[None]:
    """Treat this thread as one of the pool inside a `with` block."""
    _thread.is_worker = True
    try:
        with np.errstate(all="ignore"):
            yield
    finally:
        _thread.is_worker = False


def _in_worker() -> bool:
    return getattr(_thread, "is_worker", False)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
