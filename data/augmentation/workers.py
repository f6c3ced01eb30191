"""Worker processes that read and change samples ahead of a training; results come in the order of the tasks."""

import contextlib
import os
import queue
import subprocess
import sys
import threading
import weakref
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any

from cnnkit.data.augmentation.augmentation import ReadingPlan
from cnnkit.data.augmentation.frames import dump, receive, send
from cnnkit.data.augmentation.preparation import Preparation
from cnnkit.data.augmentation.samples import RawSamples
from cnnkit.errors import ConfigError, DataError, first_line
from cnnkit.files.unfinished import undo_by_signals

AHEAD = 2  # tasks that a worker has at a time: one that it works on, one that waits
_ARGUMENTS = ("-P", "-W", "ignore", "-m", "cnnkit.data.augmentation.worker")  # -P: no modules from the current folder
_ONE_THREAD = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")


class WorkerProcess:
    """A child process with a thread that collects its answers, so that neither waits for the other's pipe."""

    def __init__(self, preparation: list[memoryview]) -> None:
        self._answers: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.process = subprocess.Popen(  # noqa: S603 (cnnkit's own worker, named here)
            [sys.executable, *_ARGUMENTS],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=os.environ | _ONE_THREAD,
            start_new_session=True,  # Ctrl-C is for the training, which ends this process
        )
        threading.Thread(target=self._collect, daemon=True).start()
        self._send(preparation)

    def give(self, task: Any) -> None:
        """Send a task; a process that has ended says so when it is asked for the answer."""
        self._send(dump(task))

    def _send(self, parts: list[memoryview]) -> None:
        assert self.process.stdin is not None  # noqa: S101 (for the type checker)
        with contextlib.suppress(OSError):
            send(self.process.stdin, parts)

    def take(self, number: int) -> RawSamples:
        """Return the answer to a task; answers to earlier ones, for which nobody waits any more, are dropped.

        Raises DataError with the line of a worker that failed, or that has ended.
        """
        while True:
            answer = self._answers.get()
            if answer is None:
                self._answers.put(None)
                status = self.process.wait()
                raise DataError(
                    f"a worker process has ended (status {status}): start again with fewer workers, 0 for none"
                )
            if answer[0] == number:
                break
        if isinstance(answer[1], str):
            raise DataError(answer[1])
        samples: RawSamples = answer[1]
        return samples

    def _collect(self) -> None:
        assert self.process.stdout is not None  # noqa: S101 (for the type checker)
        try:
            while True:
                self._answers.put(receive(self.process.stdout))
        except (EOFError, OSError, ValueError):
            self._answers.put(None)

    def end(self) -> None:
        """End the process, whatever it is doing."""
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()


class Workers:
    """So many worker processes; they start with the first tasks, and end with `close`, a signal, or this process."""

    def __init__(self, preparation: Preparation, count: int) -> None:
        self._here, there = preparation.split_up()
        try:
            self._there = dump(there)
        except Exception as error:  # of a reader that somebody else wrote
            raise ConfigError(
                f"workers: expected images that another process can read, got {type(error).__name__}: "
                f"{first_line(error)}: use 0 workers"
            ) from None
        self._count, self._number = count, 0
        self._processes: list[WorkerProcess] = []
        weakref.finalize(self, _end_all, self._processes)
        _all.add(self)

    def prepare(self, readings: Iterable[ReadingPlan], epoch: int) -> Iterator[RawSamples]:
        """Yield the changed samples of each reading, in order; few are prepared ahead. Raises DataError."""
        if not self._processes:
            for _ in range(self._count):
                self._processes.append(WorkerProcess(self._there))
        waiting: deque[tuple[WorkerProcess, int]] = deque()
        for reading in readings:
            number, self._number = self._number, self._number + 1
            worker = self._processes[number % self._count]
            worker.give((number, reading, epoch, self._here.read_part(reading.samples)))
            waiting.append((worker, number))
            if len(waiting) >= AHEAD * self._count:
                first, asked = waiting.popleft()
                yield first.take(asked)
        for worker, number in waiting:
            yield worker.take(number)

    def close(self) -> None:
        """End the processes; further tasks would start new ones."""
        _end_all(self._processes)

    def kill(self) -> None:
        """End the processes without waiting for their end."""
        for worker in self._processes:
            worker.process.kill()


def _end_all(processes: list[WorkerProcess]) -> None:
    while processes:
        processes.pop().end()


def _kill_all() -> None:
    for workers in _all:
        workers.kill()


_all: "weakref.WeakSet[Workers]" = weakref.WeakSet()
undo_by_signals(_kill_all)
