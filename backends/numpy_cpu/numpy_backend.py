"""NumPy: arrays on the host, with buffers that are kept and shards of the batch on threads."""

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

from cnnkit.backends.numpy_cpu.capture.memory import Memory, Workspace, empty_like
from cnnkit.backends.numpy_cpu.capture.program import recording
from cnnkit.backends.numpy_cpu.capture.replay import RecordedStep
from cnnkit.backends.numpy_cpu.capture.tracer import Traced
from cnnkit.backends.numpy_cpu.kernels import composites, convolution, pooling
from cnnkit.backends.numpy_cpu.kernels.products import LARGE, product, shared_product
from cnnkit.backends.numpy_cpu.kernels.windows import samples_last_in_memory, windows_on
from cnnkit.backends.numpy_cpu.threads.blas_threads import single_threaded_blas
from cnnkit.backends.numpy_cpu.threads.shared_work import shared_out
from cnnkit.backends.numpy_cpu.threads.thread_tuner import Quicker
from cnnkit.backends.protocol import Native, Padding, Pair, Shape, Step
from cnnkit.backends.shared.array_backend import ArrayBackend

T = TypeVar("T")

# Samples a shard. Many make long runs in memory (windows.py) and few calls from Python, few make work for several
# threads and arrays that fit the cache.
SMALLEST_SHARD, LARGEST_SHARD = 16, 32
SHARDS = 4  # into which a batch is cut if its shards have between so many samples
FEWEST_VALUES, MOST_VALUES = 1 << 15, 1 << 17  # of a shard's input: very small images come in more, large ones in fewer
MOST_KINDS = 1000  # of work whose times are known
UPDATE_VALUES = 1 << 15  # of a parameter updated at a time: a formula's intermediate results stay in the cache


class NumpyBackend(ArrayBackend):
    """The primitives on numpy.ndarray.

    threads: None is one a core. How work is cut depends on shapes alone, and BLAS is kept to one thread while a step
    runs: its own threads wait by spinning, which is slow where cores are shared, and split sums by their number. So a
    training gives the same bits on any number of threads.
    captures: whether compiled steps are recorded and played; False makes each call anew.
    """

    name = "numpy"
    captures = True

    def __init__(self, device: str | None = None, threads: int | None = None) -> None:
        super().__init__(np)
        self.threads = threads or _cores()
        self.memory = Memory()
        self._local = threading.local()
        self._quicker: defaultdict[Any, Quicker] = defaultdict(Quicker)  # by the kind of the work

    def _workspace(self) -> Workspace:
        """Return this thread's, or the one of what it is recording."""
        tape = recording()
        if tape is not None:
            return tape.workspace
        try:
            own: Workspace = self._local.workspace
        except AttributeError:
            own = self._local.workspace = Workspace(self.memory)
        return own

    @contextmanager
    def alone(self, memory: Memory) -> Iterator[None]:
        """Let this thread work in this memory meanwhile, and share nothing out."""
        before, self._local.workspace, self._local.alone = self._workspace(), Workspace(memory), True
        try:
            yield
        finally:
            self._local.workspace, self._local.alone = before, False

    def empty(self, shape: Shape, dtype: Any) -> Native:
        """Return an uninitialised array."""
        return self._workspace().empty(shape, dtype)

    def scratch(self, name: str, shape: Shape, dtype: Any) -> Native:
        """Return an uninitialised buffer of this thread that lives until the next call with this name."""
        return self._workspace().scratch(name, shape, dtype)

    def asarray(self, values: Any, dtype: str | None = None) -> Native:
        if isinstance(values, Traced):
            return values if dtype in (None, values.dtype) else values.astype(dtype)
        return np.asarray(values, dtype)

    def to_numpy(self, x: Native) -> Native:
        return np.asarray(x)

    def exp(self, x: Native) -> Native:
        with np.errstate(over="ignore"):  # infinity is the answer
            return np.exp(x)

    def matmul(self, x: Native, y: Native) -> Native:
        """Return x y, laid out in memory as x is: rows whose samples are last give rows whose samples are last."""
        if x.ndim == y.ndim == 2 and x.flags.f_contiguous and not x.flags.c_contiguous:
            out = self.empty((y.shape[1], x.shape[0]), np.result_type(x.dtype, y.dtype))
            return self.gemm(y.T, x.T, out).T
        return self.gemm(x, y)

    def gemm(self, x: Native, y: Native, out: Native = None) -> Native:
        if min(x.ndim, y.ndim) < 2 or x.dtype != y.dtype or x.dtype.kind != "f":
            return np.matmul(x, y, out=out)
        if _in_shard() or x.size * y.shape[-1] < LARGE:
            return product(self.empty, x, y, out)
        return shared_product(functools.partial(self._each, ("gemm", x.shape, y.shape)), self.empty, x, y, out)

    def concatenate(self, arrays: Sequence[Native], axis: int = 0) -> Native:
        if any(array.dtype != arrays[0].dtype for array in arrays):
            return np.concatenate(arrays, axis)
        shape = list(arrays[0].shape)
        shape[axis] = sum(array.shape[axis] for array in arrays)
        return np.concatenate(arrays, axis, out=empty_like(self, arrays[0], tuple(shape)))

    # ---- convolution and pooling

    def conv2d(self, x: Native, weight: Native, stride: Pair, padding: Padding, dilation: Pair, groups: int) -> Native:
        windows = windows_on(x.shape, weight.shape[2:], stride, padding, dilation)
        return convolution.forward(self, x, weight, windows, groups)

    def conv2d_input_gradient(
        self, dy: Native, weight: Native, x_shape: Shape, stride: Pair, padding: Padding, dilation: Pair, groups: int
    ) -> Native:
        windows = windows_on(x_shape, weight.shape[2:], stride, padding, dilation)
        return convolution.input_gradient(self, dy, weight, windows, groups)

    def conv2d_weight_gradient(
        self, dy: Native, x: Native, weight_shape: Shape, stride: Pair, padding: Padding, dilation: Pair, groups: int
    ) -> Native:
        windows = windows_on(x.shape, (weight_shape[2], weight_shape[3]), stride, padding, dilation)
        return convolution.weight_gradient(self, dy, x, weight_shape, windows, groups)

    def max_pool2d(self, x: Native, window: Pair, stride: Pair, padding: Padding) -> tuple[Native, Any]:
        return pooling.max_forward(self, x, windows_on(x.shape, window, stride, padding))

    def max_pool2d_gradient(
        self, dy: Native, saved: Any, x_shape: Shape, window: Pair, stride: Pair, padding: Padding
    ) -> Native:
        return pooling.max_gradient(self, dy, saved, windows_on(x_shape, window, stride, padding))

    def average_pool2d(self, x: Native, window: Pair, stride: Pair, padding: Padding, count_padding: bool) -> Native:
        return pooling.average_forward(self, x, windows_on(x.shape, window, stride, padding), count_padding)

    def average_pool2d_gradient(
        self, dy: Native, x_shape: Shape, window: Pair, stride: Pair, padding: Padding, count_padding: bool
    ) -> Native:
        return pooling.average_gradient(self, dy, windows_on(x_shape, window, stride, padding), count_padding)

    # ---- composites

    def add_bias(self, x: Native, bias: Native, relu: bool = False) -> Native:
        return composites.add_bias(x, bias, relu)

    def add_bias_gradient(self, dy: Native, y: Native, relu: bool = False) -> tuple[Native, Native]:
        return composites.add_bias_gradient(self, dy, y, relu)

    def one_hot(self, labels: Native, like: Native) -> Native:
        return composites.one_hot(self, labels, like)

    def update(
        self, formula: Callable[..., tuple[Native, ...]], parameter: Native, gradient: Native, *slots: Native
    ) -> tuple[Native, ...]:
        def piece(start: int) -> None:
            cut = slice(start, start + UPDATE_VALUES)
            composites.update(formula, parameter[cut], gradient[cut], *(slot[cut] for slot in slots))

        if parameter.ndim == 1 and parameter.size > UPDATE_VALUES:
            self._each(("update", parameter.size), piece, range(0, parameter.size, UPDATE_VALUES))
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
        return max(1, -(-count // shards))  # equal ones

    def map_samples(self, function: Callable[..., T], size: int, *arrays: Native, label: str = "") -> list[T]:
        firsts = range(0, max(len(arrays[0]), 1), size)  # a batch of none is one shard
        kind = (label, arrays[0].shape)

        def one(first: int) -> T:
            return function(first, *(samples_last_in_memory(self, a[first : first + size]) for a in arrays))

        return self._each(kind, one, firsts)

    def _each(self, kind: Any, function: Callable[[int], T], starts: range) -> list[T]:
        """Return [function(start), ...], worked out on the threads where that is quicker for this kind of work."""
        # A pool that waits for itself would wait for ever, so work inside a shard is done one after the other.
        if _in_shard() or len(starts) == 1:
            return [function(start) for start in starts]
        if len(self._quicker) > MOST_KINDS:
            self._quicker.clear()
        quicker, tape, began = self._quicker[kind], recording(), time.perf_counter()
        shared = self.threads > 1 and not getattr(self._local, "alone", False) and quicker.shared()
        with single_threaded_blas():
            if shared and tape is None:
                found = shared_out(self._pool(), function, starts)
            else:
                with _at_work():
                    if self.threads > 1 and tape is not None:
                        return tape.side_by_side(function, starts, self.threads, self._pool)
                    found = [function(start) for start in starts]
        quicker.took(shared, time.perf_counter() - began)
        return found

    def _pool(self) -> ThreadPoolExecutor:
        return _pool(self.threads, os.getpid())

    def compile(self, step: Step, impure: str | None = None) -> Step:
        reason = impure if self.captures else "capturing is switched off"
        if np.lib.NumpyVersion(np.__version__) < "2.0.0":  # it gives numbers without axes other dtypes
            reason = f"it needs NumPy 2, this is {np.__version__}"
        return _Compiled(RecordedStep(step, self, reason))


class _Compiled:
    """A step in which infinities and NaN may arise: training looks at the loss and explains it."""

    def __init__(self, step: RecordedStep) -> None:
        self._step = step

    def __call__(self, *arguments: Any) -> Any:
        with np.errstate(all="ignore"), single_threaded_blas():
            return self._step(*arguments)

    @property
    def reason(self) -> str | None:
        """Why the step is not recorded, None while nothing has stood in the way."""
        return self._step.reason


_worker = threading.local()


@functools.cache
def _pool(threads: int, process: int) -> ThreadPoolExecutor:  # noqa: ARG001 (a forked child needs threads of its own)
    return ThreadPoolExecutor(threads, thread_name_prefix="cnnkit", initializer=_begin_work)


def _begin_work() -> None:
    """Mark a thread of the pool; let infinities and NaN arise in it: training looks at the loss and explains it."""
    _worker.at_work = True
    np.seterr(all="ignore")


@contextmanager
def _at_work() -> Iterator[None]:
    """Treat this thread as one of the pool."""
    _worker.at_work = True
    try:
        with np.errstate(all="ignore"):
            yield
    finally:
        _worker.at_work = False


def _in_shard() -> bool:
    return getattr(_worker, "at_work", False)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
