"""Recording a step as a program.

While a tracer is active, the step runs as usual, but the stand-ins for its arrays (TracedArray) pass each call to the
tracer. The tracer makes the call on the arrays that it records, so every recorded call has worked once. The step's
Python code runs only while it is recorded.
"""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from typing import Any, TypeVar

import numpy as np

from cnnkit.backends.numpy_cpu.capture.memory import Memory, Workspace, view_without_loan
from cnnkit.backends.numpy_cpu.capture.program import Calls, ParallelCalls, Program
from cnnkit.backends.protocol import Native
from cnnkit.tree import map_tree

T = TypeVar("T")
_thread = threading.local()


def active_tracer() -> "Tracer | None":
    """Return the tracer that records this thread's calls, None where nothing is recorded."""
    return getattr(_thread, "tracer", None)


class Tracer:
    """Records calls into `program`; new arrays come from `workspace`.

    refusal: why the program is not the step, None while it is.
    """

    def __init__(self, wrap: Callable[[Native], Any], unwrap: Callable[[Any], Any]) -> None:
        """wrap: make a stand-in for an array; unwrap: replace the stand-ins in a tree by their arrays."""
        self._wrap, self._unwrap = wrap, unwrap
        self.program = Program()
        self.refusal: str | None = None
        self._calls = self.program.calls
        self.workspace = self._new_workspace()
        self._lanes: list[Workspace] = []  # one for each thread that works in parallel

    @contextmanager
    def activate(self) -> Iterator[None]:
        """Record the calls of this thread inside a `with` block."""
        _thread.tracer = self
        try:
            yield
        finally:
            _thread.tracer = None

    def record(self, function: Callable[..., Any], *arguments: Any, writes: Any) -> None:
        """Call function(*arguments) now and in each run of the program; `writes` is the array that it changes."""
        arguments = _without_loans(self._unwrap(arguments))
        function(*arguments)
        self._calls.append((function, arguments))
        self.program.written.append(_without_loans(self._unwrap(writes)))

    def record_in_parallel(
        self, work: Callable[[int], T], starts: range, threads: int, pool: Callable[[], Executor]
    ) -> list[T]:
        """Return [work(start), ...]; in the program, thread i of `threads` runs the calls of every start i + k*threads.

        Within one start, freed memory is used again at once. Memory lent before that start is not: another thread may
        still read it.
        """
        while len(self._lanes) < threads:
            self._lanes.append(self._new_workspace())
        workspaces, lanes = [self.workspace, *self._lanes], self._lanes[:threads]
        outside, calls = (self.workspace, self._calls), [Calls() for _ in lanes]
        for workspace in workspaces:
            workspace.memory.hold()
        results = []
        try:
            for i, start in enumerate(starts):
                self.workspace, self._calls = lanes[i % threads], calls[i % threads]
                results.append(work(start))
                self.workspace.memory.hold()
        finally:
            self.workspace, self._calls = outside
            for workspace in workspaces:
                workspace.memory.resume()
        self._calls.append((ParallelCalls(pool, calls), ()))
        return results

    def _new_workspace(self) -> Workspace:
        self.program.memories.append(Memory(small=0))
        return Workspace(self.program.memories[-1], self._wrap)


def _without_loans(tree: Any) -> Any:
    """Return a tree with its arrays on memory that the program keeps."""
    return map_tree(lambda leaf: view_without_loan(leaf) if isinstance(leaf, np.ndarray) else leaf, tree)
