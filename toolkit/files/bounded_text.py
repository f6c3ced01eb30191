"""Reads a text file of a bounded size, from anywhere: never more than the bound, never for ever."""

import os
import stat
import time
from pathlib import Path

_PATIENCE = 4.0  # seconds that a pipe may be silent
_PAUSE = 0.02
_BLOCK = 1 << 16


def read_bounded(path: Path, most: int) -> bytes:
    """Return the first `most` bytes of a file, or of what a pipe yields until its end.

    Raises OSError where it cannot be read, is neither a file nor a pipe, or a pipe stays silent.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except ValueError as error:  # a zero byte in the name
        raise OSError(0, str(error), str(path)) from None
    try:
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(0, "Is a directory", str(path))
        if not (stat.S_ISREG(mode) or stat.S_ISFIFO(mode)):
            raise OSError(0, "Not a file", str(path))
        return _read(descriptor, path, most, is_pipe=stat.S_ISFIFO(mode))
    finally:
        os.close(descriptor)


def _read(descriptor: int, path: Path, most: int, is_pipe: bool) -> bytes:
    content, silent_since = bytearray(), time.monotonic()
    while len(content) < most:
        try:
            block: bytes | None = os.read(descriptor, min(_BLOCK, most - len(content)))
        except BlockingIOError:  # a pipe whose writer has nothing to say yet
            block = None
        if block:
            content += block
            silent_since = time.monotonic()
        elif not is_pipe or (block is not None and content):
            break
        elif time.monotonic() - silent_since > _PATIENCE:
            raise OSError(0, f"a pipe into which nothing was written for {_PATIENCE:.0f} s", str(path))
        else:  # no writer has come yet, or it is silent
            time.sleep(_PAUSE)
    return bytes(content)
