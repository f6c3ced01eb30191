"""The worker process that reads HDF5, started when first needed or before, replaced when a file has crashed it."""

import atexit
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Generator, Iterator
from typing import Any

from cnnkit.files.hdf5.clock import Clock
from cnnkit.files.hdf5.environment import choose_environment
from cnnkit.files.hdf5.worker_requests import HANDS_OVER, send_request
from cnnkit.files.limits import VARIABLE
from cnnkit.files.unfinished import undo_by_signals
from cnnkit.files.unsafe_file import UnsafeFileError

PATIENCE = 6  # seconds of wall clock per second of work, on a busy machine
_STARTING = 1.0  # seconds of work
_PIPE = 1 << 20  # bytes that the pipe may hold
_MOST_FRAME = 512 << 20  # bytes; a listing has at most 128 MiB, a text 256, a piece of values 8
_ARGUMENTS = ("-P", "-W", "ignore", "-m", "cnnkit.files.hdf5.worker")  # -P: no modules from the current folder


class WorkerDiedError(UnsafeFileError):
    """The file ended the process that was reading it: a crash, or a loop."""

    def __init__(self, message: str) -> None:
        super().__init__(message, "refused")


class Worker:
    """A child process that answers requests in frames, one request at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: socket.socket | None = None
        self._owner = 0
        self._awake = False  # whether the process has answered before

    def prepare(self) -> None:
        """Start the process, and do not wait for it: it will soon be asked something."""
        with self._lock:
            self._start()

    def ask(self, request: dict[str, Any], descriptor: int | None = None) -> Generator[bytes]:
        """Yield the contents of the answer; all of it may take request["seconds"] of work. Nobody else asks meanwhile.

        descriptor: the open file that the request is about, where the system can hand one over (HANDS_OVER).

        Raises UnsafeFileError with the worker's message about the file, WorkerDiedError when the file ends the worker.
        """
        with self._lock:
            process = self._start()
            work = request["seconds"] + (0.0 if self._awake else _STARTING)
            clock = Clock(work * PATIENCE, process.kill)
            whole = False
            try:
                with contextlib.suppress(OSError):  # of a process that has ended, as reading its answer tells
                    channel = self._channel or process.stdin
                    assert channel is not None  # noqa: S101 (for the type checker)
                    send_request(channel, request, descriptor)
                yield from _read_frames(process)
                whole = self._awake = True
            except EOFError:
                status = process.wait()
                raise WorkerDiedError(f"reading it {_describe_death(status, clock.late)}") from None
            except UnsafeFileError as error:
                whole = not isinstance(error, WorkerDiedError)
                raise
            finally:
                clock.stop()
                if not whole:
                    self._end()

    def close(self) -> None:
        """End the process, if there is one."""
        with self._lock:
            self._end()

    def kill(self) -> None:
        """End the process without waiting for the request that it works on."""
        if self._process is not None and self._owner == os.getpid():
            self._process.kill()

    def _start(self) -> subprocess.Popen[bytes]:
        if self._process is not None and (self._owner != os.getpid() or self._process.poll() is not None):
            self._end()
        if self._process is None:
            environment = choose_environment(os.environ) | {"OPENBLAS_NUM_THREADS": "1"}
            self._owner = os.getpid()
            self._awake = False
            ours, theirs = socket.socketpair() if HANDS_OVER else (None, None)
            try:
                self._process = subprocess.Popen(  # noqa: S603 (cnnkit's own worker, named here)
                    [sys.executable, *_ARGUMENTS],
                    stdin=subprocess.PIPE if theirs is None else theirs.fileno(),
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    env=environment,
                    start_new_session=True,  # Ctrl-C and a closed terminal are for this process: it ends the worker
                )
                self._channel, ours = ours, None
            finally:
                for end in (ours, theirs):
                    if end is not None:
                        end.close()
            _widen(self._process)
        return self._process

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if self._owner == os.getpid():  # else this process is a fork, and the worker is its parent's
            process.kill()
            process.wait()
        channel, self._channel = self._channel, None
        for stream in (process.stdin, process.stdout, channel):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        process.returncode = process.returncode or 0


def _widen(process: "subprocess.Popen[bytes]") -> None:
    """Enlarge the pipe, where the system can, so that the two processes switch less often."""
    with contextlib.suppress(ImportError, AttributeError, OSError):
        import fcntl

        assert process.stdout is not None  # noqa: S101 (for the type checker)
        fcntl.fcntl(process.stdout, fcntl.F_SETPIPE_SZ, _PIPE)


def _read_frames(process: subprocess.Popen[bytes]) -> Iterator[bytes]:
    while True:
        head = _read_exactly(process, 9)
        size = int.from_bytes(head[1:], "big")
        if size > _MOST_FRAME:  # nothing that the worker sends: the file has taken it over
            raise WorkerDiedError(f"reading it yields {size} bytes at once")
        content = _read_exactly(process, size)
        if head[:1] == b"Z":
            return
        if head[:1] == b"E":
            raise UnsafeFileError(*json.loads(content))
        yield content


def _read_exactly(process: subprocess.Popen[bytes], size: int) -> bytes:
    assert process.stdout is not None  # noqa: S101 (for the type checker)
    content = process.stdout.read(size)
    if len(content) < size:
        raise EOFError
    return content


def _describe_death(status: int, late: bool) -> str:
    if late or -status == getattr(signal, "SIGPROF", None):
        return f"takes too long: it may loop forever ({VARIABLE}=10 in the environment waits ten times as long)"
    try:
        return f"crashes the HDF5 library ({signal.Signals(-status).name})"
    except ValueError:
        return f"crashes the HDF5 library (status {status})"


WORKER = Worker()
atexit.register(WORKER.close)
undo_by_signals(WORKER.kill)
