"""A step as a list of NumPy's calls on memory that stays where it is: played again without the Python between them.

While a tape records, the step runs as ever, but what stands for its arrays (traced.py) hands each call to the tape. The
tape makes the call on the very arrays that it writes down, so a call that was recorded is a call that was seen to work.
What a step does in Python, it does once.
"""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from typing import Any, TypeVar

import numpy as np

from cnnkit.backends.numpy_cpu.capture.memory import Memory, Workspace, lasting
from cnnkit.backends.numpy_cpu.threads.shared_work import shared_out
from cnnkit.backends.numpy_cpu.threads.thread_tuner import Quicker
from cnnkit.backends.protocol import Native

T = TypeVar("T")
Calls = list[tuple[Callable[..., Any], tuple[Any, ...]]]
_thread = threading.local()


def recording() -> "Tape | None":
    """Return the tape that this thread records on, None where it records on none."""
    return getattr(_thread, "tape", None)


class Tape:
    """Calls in their order, and the workspaces whose memory they use; no other tape and no other step uses it."""

    def __init__(self, kind: Callable[[Native], Any], plain: Callable[[Any], Any]) -> None:
        """kind: makes of an array what hands its calls to the tape; plain: the other way, also inside tuples."""
        self._kind, self._plain = kind, plain
        self.calls: Calls = []
        self.refused: str | None = None  # why what was recorded is not the step
        self._written: list[Native] = []
        self.workspace = self._new_workspace()
        self._lanes: list[Workspace] = []  # of threads that work side by side

    @contextmanager
    def record(self) -> Iterator[None]:
        """Let the calls of this thread come to the tape."""
        _thread.tape = self
        try:
            yield
        finally:
            _thread.tape = None

    def play(self) -> None:
        """Make all calls."""
        _play(self.calls)

    def writes(self, array: Native) -> bool:
        """Return whether a call may write to this array."""
        return any(np.may_share_memory(array, target) for target in self._written)

    def memory(self) -> Memory:
        """Return a memory that lends the blocks that the calls work on: of use only while the tape does not play."""
        found = Memory()
        for space in (self.workspace, *self._lanes):
            found.add_free(space.memory)
        return found

    def do(self, function: Callable[..., Any], *arguments: Any, writes: Any) -> None:
        """Call function(*arguments), now and whenever the tape is played; `writes` is what it changes."""
        kept = _kept(self._plain(arguments))
        function(*kept)
        self.calls.append((function, kept))
        self._written.append(_kept(self._plain(writes)))

    def side_by_side(
        self, work: Callable[[int], T], starts: range, threads: int, pool: Callable[[], Executor]
    ) -> list[T]:
        """Return [work(start), ...], whose calls may be played on several threads, each of them taking every n-th.

        Within a start memory is used again at once. What was lent before is not: another thread may still read it.
        """
        while len(self._lanes) < threads:
            self._lanes.append(self._new_workspace())
        spaces, lanes = [self.workspace, *self._lanes], self._lanes[:threads]
        outside, calls = (self.workspace, self.calls), [Calls() for _ in lanes]
        for space in spaces:
            space.memory.hold()
        found = []
        try:
            for i, start in enumerate(starts):
                self.workspace, self.calls = lanes[i % threads], calls[i % threads]
                found.append(work(start))
                self.workspace.memory.hold()
        finally:
            self.workspace, self.calls = outside
            for space in spaces:
                space.memory.resume()
        self.calls.append((_SideBySide(pool, calls), ()))
        return found

    def _new_workspace(self) -> Workspace:
        return Workspace(Memory(small=0), self._kind)


def _play(calls: Calls) -> None:
    for function, arguments in calls:
        function(*arguments)


class _SideBySide:
    """Calls of several threads, played on them or one after the other, whichever is quicker."""

    def __init__(self, pool: Callable[[], Executor], lanes: list[Calls]) -> None:
        self._pool, self.lanes, self._quicker = pool, lanes, Quicker()

    def __call__(self) -> None:
        started, shared = time.perf_counter(), self._quicker.shared()
        if shared:
            shared_out(self._pool(), _play, self.lanes, own=1)
        else:
            for calls in self.lanes:
                _play(calls)
        self._quicker.took(shared, time.perf_counter() - started)


def _kept(value: Any) -> Any:
    """Return the value with its arrays on memory that the tape keeps."""
    if isinstance(value, np.ndarray):
        return lasting(value)
    if isinstance(value, tuple):
        return tuple(map(_kept, value))
    return value
