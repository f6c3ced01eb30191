"""A file of which parts are read later, when it must still be unchanged."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from cnnkit.files.holes import require_stored
from cnnkit.files.regular_file import identify, open_regular
from cnnkit.files.unsafe_file import UnsafeFileError

Bytes = np.ndarray[Any, np.dtype[np.uint8]]
_BLOCK = 1 << 30


class StoredFile:
    """A file as it is now. No handle is kept: it would outlive the list of tensors, and block Windows.

    Raises UnsafeFileError for a file that is nearly all holes.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        status = os.stat(path)
        require_stored(status)
        self.size = status.st_size
        self._mark = identify(status)

    @contextlib.contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """Yield the file, open for reading.

        Raises UnsafeFileError when it has gone, cannot be read, or has changed: before or while it was open, which
        explains whatever the block raises then.
        """
        try:
            with open_regular(self.path) as stream:
                self.require_state(stream)
                try:
                    yield stream
                except Exception:
                    self.require_state(stream)
                    raise
                self.require_state(stream)
        except OSError as error:
            raise UnsafeFileError(f"cannot be read: {error.strerror or error}") from error

    def read(self, start: int, size: int) -> Bytes:
        """Return bytes start to start + size, which the caller knows to be inside. Raises as `open`."""
        with self.open() as stream:
            return read_exactly(stream, start, size)

    def blocks(self, start: int, size: int, step: int) -> Iterator[Bytes]:
        """Yield the same bytes, `step` at a time. Raises as `open`."""
        with self.open() as stream:
            for position in range(start, start + size, step):
                yield read_exactly(stream, position, min(step, start + size - position))

    def require_same(self) -> None:
        """Raise UnsafeFileError as `open` does."""
        with self.open():
            pass

    def require_state(self, stream: BinaryIO) -> None:
        """Raise UnsafeFileError unless the open file is this one, as it was."""
        if identify(os.fstat(stream.fileno())) != self._mark:
            raise UnsafeFileError("changed since it was listed: read it again")


def read_exactly(stream: BinaryIO, start: int, size: int) -> Bytes:
    """Return `size` bytes of an open file from `start` on. Raises UnsafeFileError when it ends before."""
    values: Bytes = np.empty(size, np.uint8)
    fill(stream, start, values)
    return values


def fill(stream: BinaryIO, start: int, values: Bytes) -> None:
    """Fill an array with the bytes of an open file from `start` on. Raises UnsafeFileError when it ends before."""
    view, filled, size = values.data, 0, values.size
    stream.seek(start)
    while filled < size:
        count = stream.readinto(view[filled : filled + _BLOCK])  # type: ignore[attr-defined]  # BinaryIO lacks it
        if not count:
            raise UnsafeFileError(f"truncated: {size} bytes expected at {start}, {filled} stored")
        filled += count
