"""Standard output and error as the shell gives them: full, closed, or a pipe that nobody reads."""

import io
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer as Buffer


class WatchedFile(io.FileIO):
    """A file that remembers why it could not be written; from then on it swallows everything."""

    failure: OSError | None = None

    def write(self, data: "Buffer") -> int:  # noqa: D102
        try:
            return super().write(data)
        except OSError as error:
            self.failure = error
            discard(self.fileno())
            raise


def discard(number: int) -> None:
    """Let the stream of this number swallow what is still to come."""
    with open(os.devnull, "wb") as nothing:
        os.dup2(nothing.fileno(), number)


_muted: dict[int, int] = {}  # copies of what the standard streams were, by their numbers


@contextmanager
def mute() -> Iterator[None]:
    """In this block nothing that this process prints is seen, whoever prints it, until `unmute`."""
    for number in (1, 2):
        with suppress(OSError):  # a stream that the shell closed
            _muted[number] = os.dup(number)
            discard(number)
    try:
        yield
    finally:
        unmute()


def unmute() -> None:
    """End `mute`; what was printed so far stays unseen."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):
            stream.flush()
    while _muted:
        number, copy = _muted.popitem()
        os.dup2(copy, number)
        os.close(copy)


@contextmanager
def watch_output() -> Iterator[WatchedFile]:
    """Yield the file behind standard output; streams that the shell closed (`>&-`) swallow everything."""
    before = sys.stdout, sys.stderr
    with ExitStack() as opened:
        for name in ("stdout", "stderr"):
            if getattr(sys, name) is None:
                setattr(sys, name, opened.enter_context(open(os.devnull, "w", encoding="utf-8")))
        try:
            file, stream = WatchedFile(sys.stdout.fileno(), "w", closefd=False), sys.stdout
        except (OSError, ValueError):  # a stream that is no file, as in tests and notebooks
            file = opened.enter_context(WatchedFile(os.devnull, "w"))
        else:
            sys.stdout = io.TextIOWrapper(
                io.BufferedWriter(file),
                encoding=stream.encoding,
                errors="backslashreplace",  # a terminal that lacks a letter of a name shows \xNN, \uNNNN
                line_buffering=stream.isatty(),
            )
        try:
            yield file
        finally:
            with suppress(OSError, ValueError):
                sys.stdout.flush()
            sys.stdout, sys.stderr = before
