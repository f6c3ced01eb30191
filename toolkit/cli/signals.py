"""Ctrl-C, SIGTERM and a closed terminal: a training stops after its batch, every other work at once, tidily.

No exception is raised into whatever runs when the signal comes: code that must not fail, such as a weak reference's
callback or the import of a library in C, would swallow it or be torn. The handler itself undoes what is unfinished and
ends the process.
"""

import os
import select
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

from cnnkit.files.unfinished import undo_all

# SIGTERM is the last: once it is handled, all are.
SIGNALS = (signal.SIGINT, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else []), signal.SIGTERM)
# What a worker heeds too: mpiexec passes SIGUSR1 on, as Slurm sends it before the end; and Open MPI's mpiexec sends
# SIGCONT half a second before it kills.
_OF_WORKERS = tuple(getattr(signal, name) for name in ("SIGUSR1", "SIGCONT") if hasattr(signal, name))
_CLEAR_LINE, _SHOW_CURSOR = b"\r\x1b[2K", b"\x1b[?25h"  # a bar may have been there
_JSON = '{\n "error": {\n  "kind": "usage",\n  "message": "%s",\n  "file": null,\n  "format": null,\n  "offset": null,\n  "hint": null\n }\n}\n'  # noqa: E501
_ending: list[int] = []


def end_on_signals() -> None:
    """From now on a signal ends the process: one line, nothing unfinished stays, status 128 + the signal's number."""
    _handle(_end)


def ignore_signals() -> None:
    """From now on no signal changes anything: the work is done and told, Python is on its way out."""
    if hasattr(signal, "pthread_sigmask"):  # one that comes between the two would be reported as a race
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


class StopRequest:
    """Whether a signal came, and the exit status for it.

    saving: a worker is to stop only to save, and to go on.
    """

    def __init__(self) -> None:
        self.signal: int | None = None
        self.saving = False

    def __call__(self) -> bool:
        """Return whether a signal came."""
        return self.signal is not None or self.saving

    @property
    def status(self) -> int:
        """130 after SIGINT, 143 after SIGTERM, 129 after SIGHUP, 138 after SIGUSR1; 0 when none came."""
        return 128 + self.signal if self.signal is not None else 0


@contextmanager
def stop_on_signals(hurry: Callable[[], None] | None = None) -> Iterator[StopRequest]:
    """Yield a StopRequest that the signals set; nothing is interrupted halfway.

    hurry: of a worker, which heeds SIGUSR1 too, and saves at SIGCONT; called after each signal that stops it.
    """
    request = StopRequest()

    def note(number: int) -> None:
        if number in _OF_WORKERS[1:]:
            request.saving = True
            return
        request.signal = number
        if hurry is not None:
            hurry()

    before = _handle(note, SIGNALS if hurry is None else (*_OF_WORKERS, *SIGNALS))
    try:
        yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _handle(handle: Callable[[int], None], numbers: Iterable[signal.Signals] = SIGNALS) -> dict[signal.Signals, Any]:
    """Let `handle` handle the signals, and return their former handlers; ignored ones, as below nohup, stay ignored."""

    def call(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 (the signature that signal expects)
        handle(number)

    heeded = [number for number in numbers if signal.getsignal(number) is not signal.SIG_IGN]
    return {number: signal.signal(number, call) for number in heeded}


def _end(number: int) -> None:
    if _ending:  # a further signal does not disturb the removal of temporary files
        return
    _ending.append(number)
    try:
        _tell("interrupted" if number == signal.SIGINT else "terminated")
        undo_all()
    finally:
        os._exit(128 + number)


def _tell(word: str) -> None:
    """Print the line that `Output.fail` prints, without its machinery: it may be what the signal interrupted."""
    line = f"error: {word}\n".encode()
    _write(2, _CLEAR_LINE + _SHOW_CURSOR + line if os.isatty(2) else line)
    if "--json" in sys.argv:
        _write(1, (_JSON % word).encode())


def _write(stream: int, content: bytes) -> None:
    """Write to a standard stream unless it is closed, or a pipe that is full because nobody reads it."""
    with suppress(OSError, ValueError):
        if os.name == "nt" or select.select([], [stream], [], 0)[1]:
            os.write(stream, content)
