"""Workers that mpiexec or srun has started, over MPI (package mpi4py)."""

import atexit
import sys
import time
from itertools import chain
from typing import Any

from cnnkit.backends.groups.group import Buffer, Group, Messages
from cnnkit.backends.protocol import Backend
from cnnkit.errors import GroupError

MESSAGE = 1 << 30  # bytes at most: the counts of older MPI libraries end at 2^31 - 1
TAG = 1627
POLLS = 50  # without a pause
LONGEST_PAUSE = 2e-4  # seconds between two looks at what has come


class MpiGroup(Group):
    """The processes of MPI's world. Arrays of a device travel through the host, bfloat16 as float32.

    Requests are polled with pauses: a library that waits by itself has no time limit, and keeps a core busy.
    """

    name = "MPI"

    def __init__(self, backend: Backend, seconds: float) -> None:
        from mpi4py import MPI

        self._mpi, self._world = MPI, MPI.COMM_WORLD
        super().__init__(backend, self._world.Get_rank(), self._world.Get_size(), seconds)
        self._closed = self._failed = False
        self._abandoned: list[Any] = []  # a late message may still be written to the room for it
        atexit.register(self._end)

    def move(self, outgoing: Messages, incoming: Messages, seconds: float) -> None:
        world, kind = self._world, self._mpi.BYTE
        receives = [
            (rank, world.Irecv([piece, kind], rank, TAG))
            for rank, buffers in incoming.items() for piece in chain.from_iterable(map(cut, buffers))
        ]  # fmt: skip
        sends = [
            (rank, world.Isend([piece, kind], rank, TAG))
            for rank, buffers in outgoing.items() for piece in chain.from_iterable(map(cut, buffers))
        ]  # fmt: skip
        try:
            self._wait([*receives, *sends], seconds)
        except BaseException:
            self._abandoned += [outgoing, incoming, receives, sends]
            raise

    def _wait(self, pending: list[tuple[int, Any]], seconds: float) -> None:
        deadline, polls, pause = time.monotonic() + seconds, 0, 1e-6
        requests = [request for _, request in pending]
        while not self._test(requests):
            polls += 1
            if polls < POLLS:
                continue
            if time.monotonic() > min(deadline, self.latest):
                raise self.silent(next(rank for rank, request in pending if not self._test([request])), seconds)
            time.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    def _test(self, requests: list[Any]) -> bool:
        try:
            return bool(self._mpi.Request.Testall(requests))
        except self._mpi.Exception as error:
            raise GroupError(f"MPI: {error}") from error

    def close(self) -> None:
        if not self._closed:
            super().close()
            self._closed = True

    def abort(self) -> None:
        """Stop all processes when this one ends, which is after it has told its error."""
        self._failed = True

    def _end(self) -> None:
        try:
            if not self._failed:
                self.close()
        except GroupError as error:
            sys.stderr.write(f"{error}\n")
        if self._failed:
            sys.stdout.flush()
            sys.stderr.flush()
            self._world.Abort(2)


def cut(buffer: Buffer) -> list[Buffer]:
    """Return a buffer in messages that MPI can count."""
    return [buffer[start : start + MESSAGE] for start in range(0, len(buffer), MESSAGE)]
