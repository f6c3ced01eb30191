"""A recorded step: NumPy calls on memory that stays in place, run without the Python code between them."""

import time
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any

import numpy as np

from cnnkit.backends.numpy_cpu.capture.memory import Memory
from cnnkit.backends.numpy_cpu.threads.pool_work import run_in_pool
from cnnkit.backends.numpy_cpu.threads.thread_tuner import ThreadTuner
from cnnkit.backends.protocol import Native

Calls = list[tuple[Callable[..., Any], tuple[Any, ...]]]


class Program:
    """Calls in their order, the arrays that they write, and the memory for their results, which nothing else uses."""

    def __init__(self) -> None:
        self.calls: Calls = []
        self.written: list[Native] = []
        self.memories: list[Memory] = []

    def run(self) -> None:
        """Make all calls."""
        _run(self.calls)

    def writes_to(self, array: Native) -> bool:
        """Return whether a call may write to this array."""
        return any(np.may_share_memory(array, target) for target in self.written)

    def spare_memory(self) -> Memory:
        """Return a memory that lends the blocks that the calls work on. Use it only while the program does not run."""
        spare = Memory()
        for memory in self.memories:
            spare.add_free(memory)
        return spare


class ParallelCalls:
    """Lists of calls that run at the same time in threads, or one list after the other, whichever is faster."""

    def __init__(self, pool: Callable[[], Executor], lanes: list[Calls]) -> None:
        self._pool, self.lanes, self._tuner = pool, lanes, ThreadTuner()

    def __call__(self) -> None:
        started, threaded = time.perf_counter(), self._tuner.choose()
        if threaded:
            run_in_pool(self._pool(), _run, self.lanes, inline=1)
        else:
            for calls in self.lanes:
                _run(calls)
        self._tuner.record(threaded, time.perf_counter() - started)


def _run(calls: Calls) -> None:
    for function, arguments in calls:
        function(*arguments)
