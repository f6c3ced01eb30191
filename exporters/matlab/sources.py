"""Bytes by position, of a file as it is and of a zlib stream inside it, in bounded memory."""

import zlib
from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np

from cnnkit.files.stored_file import Bytes, StoredFile
from cnnkit.files.unsafe_file import UnsafeFileError

_BLOCK = 1 << 18
_SPACING, _MOST_MARKS = 4 << 20, 32


class MatSource(Protocol):
    """What elements are read from; `size` counts its bytes."""

    size: int

    def read(self, start: int, size: int) -> bytes:
        """Return a few bytes; quick when they lie behind those of the call before."""
        ...

    def blocks(self, start: int, size: int, step: int) -> Iterator[Bytes]:
        """Yield many bytes, `step` at a time."""
        ...


class PlainSource:
    """A file as it is."""

    def __init__(self, file: StoredFile) -> None:
        self._file, self.size = file, file.size
        self._begin, self._block = 0, b""

    def read(self, start: int, size: int) -> bytes:
        """Return a few bytes, which lie inside the file."""
        if not self._begin <= start <= start + size <= self._begin + len(self._block):
            self._begin = start
            self._block = self._file.read(start, min(max(size, 1 << 14), self.size - start)).tobytes()
        return self._block[start - self._begin : start - self._begin + size]

    def blocks(self, start: int, size: int, step: int) -> Iterator[Bytes]:
        """Yield bytes, which lie inside the file."""
        return self._file.blocks(start, size, step)


class _Cursor:
    """A place in a zlib stream: `place` in the file, `position` in the unpacked bytes."""

    def __init__(self, place: int, position: int, unfold: Any, tail: bytes) -> None:
        self.place, self.position, self._unfold, self._tail = place, position, unfold, tail

    def copy(self) -> "_Cursor":
        return _Cursor(self.place, self.position, self._unfold.copy(), self._tail)

    def advance(self, file: StoredFile, stop: int) -> bytes:
        """Return the next bytes, none at the end. Raises UnsafeFileError when the stream is damaged or cut."""
        while not self._unfold.eof:
            if not self._tail and self.place < stop:
                self._tail = file.read(self.place, min(_BLOCK, stop - self.place)).tobytes()
                self.place += len(self._tail)
            given = self._tail
            try:
                content: bytes = self._unfold.decompress(given, _BLOCK)
            except zlib.error as error:
                raise UnsafeFileError(f"compressed data cannot be unfolded: {error}") from error
            self._tail = self._unfold.unconsumed_tail
            if content:
                self.position += len(content)
                return content
            if not given and not self._unfold.eof:
                raise UnsafeFileError("truncated: compressed data ends early")
        return b""


class PackedSource:
    """The unpacked bytes of a zlib stream that takes `stored` bytes of a file from `start` on.

    While it is read forward it keeps states of the decompressor, so that values far behind are found quickly later.
    `size` is set by the caller once the first bytes have told it.
    """

    def __init__(self, file: StoredFile, start: int, stored: int) -> None:
        self._file, self._start, self._stop = file, start, start + stored
        self.size = 8
        self._marks, self._spacing = list[_Cursor](), _SPACING
        self.rest()

    def rest(self) -> None:
        """Drop what was read, and go back to the beginning: a file may have very many such streams."""
        self._cursor = self._begin_again()
        self._begin, self._block = 0, b""

    def read(self, start: int, size: int) -> bytes:
        """Return a few bytes. Raises UnsafeFileError when the stream is damaged, or shorter."""
        if start < self._begin:
            self._cursor = self._nearest(start)
            self._begin, self._block = self._cursor.position, b""
        while self._begin + len(self._block) < start + size:
            rest = self._block[max(start - self._begin, 0) :]
            content = self._cursor.advance(self._file, self._stop)
            if not content:
                raise UnsafeFileError("damaged MATLAB file: compressed data is shorter than it declares")
            self._begin, self._block = self._cursor.position - len(content) - len(rest), rest + content
            self._mark()
        return self._block[start - self._begin : start - self._begin + size]

    def finish(self) -> None:
        """Unpack the rest. Raises UnsafeFileError when it does not fit its checksum, or is not of the size declared."""
        while self._cursor.advance(self._file, self._stop):
            pass
        self._require_size(self._cursor)

    def blocks(self, start: int, size: int, step: int) -> Iterator[Bytes]:
        """Yield bytes, `step` at a time; where these are the last ones, the checksum too is compared."""
        cursor, stop, kept = self._nearest(start), start + size, bytearray()
        while cursor.position < stop:
            content = cursor.advance(self._file, self._stop)
            if not content:
                raise UnsafeFileError("damaged MATLAB file: compressed data is shorter than it declares")
            begin = cursor.position - len(content)
            kept += content[max(start - begin, 0) : stop - begin if stop > begin else 0]
            while len(kept) >= step:
                yield np.frombuffer(bytes(kept[:step]), np.uint8)
                del kept[:step]
        if kept:
            yield np.frombuffer(bytes(kept), np.uint8)
        if self.size - stop < 8:  # no more than padding follows
            while cursor.advance(self._file, self._stop):
                pass
            self._require_size(cursor)

    def _nearest(self, start: int) -> _Cursor:
        mark = next((mark for mark in reversed(self._marks) if mark.position <= start), None)
        return self._begin_again() if mark is None else mark.copy()

    def _begin_again(self) -> _Cursor:
        return _Cursor(self._start, 0, zlib.decompressobj(), b"")

    def _require_size(self, cursor: _Cursor) -> None:
        if cursor.position != self.size:
            raise UnsafeFileError(
                f"damaged MATLAB file: compressed data of {cursor.position} bytes, {self.size} declared"
            )

    def _mark(self) -> None:
        """Keep the state every few MiB; beyond a number of states, half as often."""
        if self._cursor.position - (self._marks[-1].position if self._marks else 0) < self._spacing:
            return
        self._marks.append(self._cursor.copy())
        if len(self._marks) > _MOST_MARKS:
            self._marks, self._spacing = self._marks[1::2], 2 * self._spacing
