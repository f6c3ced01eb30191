"""NumPy: the array code on the host, with buffers that are kept and shards of the batch on threads."""

import math
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np
import threadpoolctl

from cnnkit.backends.array_code.array_backend import ArrayBackend
from cnnkit.backends.protocol import Native, Shape

T = TypeVar("T")

SHARD = 8  # samples: im2col's buffers of a shard stay in the second-level cache


class NumpyBackend(ArrayBackend):
    """The primitives on numpy.ndarray.

    threads: of BLAS and of map_samples; None is one a core. The bits of a training depend on it where BLAS splits
    its sums, so it is part of a run's provenance.
    """

    name = "numpy"

    def __init__(self, device: str | None = None, threads: int | None = None) -> None:
        super().__init__(np)
        self.threads = threads or len(os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(os.cpu_count() or 1))
        self._local = threading.local()
        self._pool: ThreadPoolExecutor | None = None
        self._blas = threadpoolctl.ThreadpoolController().select(user_api="blas")
        if threads:
            self._blas.limit(limits=threads)

    def scratch(self, name: str, shape: Shape, dtype: Any) -> Native:
        buffers: dict[tuple[str, Any], Any] = self._local.__dict__
        key = (name, np.dtype(dtype).char)
        size = math.prod(shape)
        flat = buffers.get(key)
        if flat is None or flat.size < size:
            flat = buffers[key] = np.empty(size, dtype)
        return flat[:size].reshape(shape)

    def to_numpy(self, x: Native) -> Native:
        return np.asarray(x)

    def map_samples(self, function: Callable[..., T], *arrays: Native) -> list[T]:
        count = len(arrays[0])
        if count <= SHARD:
            return [function(0, *arrays)]

        def one(first: int) -> T:
            return function(first, *(a[first : first + SHARD] for a in arrays))

        firsts = range(0, count, SHARD)
        with self._blas.limit(limits=1):  # two BLAS calls with threads of their own fight for the cores
            if self.threads == 1:
                return [one(first) for first in firsts]
            if self._pool is None:
                self._pool = ThreadPoolExecutor(self.threads, thread_name_prefix="cnnkit")
            return list(self._pool.map(one, firsts))
