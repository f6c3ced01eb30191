"""A group of threads in one process: for tests, and for a look at what several workers do without starting them."""

import queue
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from cnnkit.backends.groups.group import Buffer, Group, Messages
from cnnkit.backends.protocol import Backend
from cnnkit.errors import GroupError


class Mail(NamedTuple):
    """Where the threads of a group leave messages for each other: boxes[from][to]."""

    boxes: list[list[queue.Queue[Buffer]]]
    failed: threading.Event


class ThreadGroup(Group):
    """One of the threads of a group; `run_in_threads` makes them."""

    name = "threads"

    def __init__(self, backend: Backend, rank: int, mail: Mail, seconds: float) -> None:
        super().__init__(backend, rank, len(mail.boxes), seconds)
        self._mail = mail

    def move(self, outgoing: Messages, incoming: Messages, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        for rank, buffers in outgoing.items():
            for buffer in buffers:
                self._mail.boxes[self.rank][rank].put(buffer.copy())
        for rank, buffers in incoming.items():
            for buffer in buffers:
                buffer[:] = self._receive(rank, deadline, seconds)

    def _receive(self, rank: int, deadline: float, seconds: float) -> Buffer:
        while not self._mail.failed.is_set():
            left = min(deadline, self.latest) - time.monotonic()
            try:
                return self._mail.boxes[rank][self.rank].get(timeout=min(max(left, 0), 0.05))
            except queue.Empty:
                if left <= 0:
                    raise self.silent(rank, seconds) from None
        raise GroupError("another worker has stopped with an error")

    def abort(self) -> None:
        self._mail.failed.set()


def run_in_threads(backends: Sequence[Backend], work: Callable[[Group], Any], seconds: float = 60) -> list[Any]:
    """Return what work(group) returns on each rank, in threads of this process that are a group; one for each backend.

    Raises: the first error that a rank raised by itself; the others stop with it.
    """
    size = len(backends)
    mail = Mail([[queue.Queue() for _ in range(size)] for _ in range(size)], threading.Event())
    results: list[Any] = [None] * size
    errors: list[BaseException] = []

    def run(rank: int) -> None:
        group = ThreadGroup(backends[rank], rank, mail, seconds)
        try:
            results[rank] = work(group)
            group.close()
        except BaseException as error:
            errors.append(error)
            group.abort()

    threads = [threading.Thread(target=run, args=(rank,), daemon=True) for rank in range(size)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return results
