"""Reads numbers and texts one after the other from a file, in either byte order and in bounded memory."""

import struct
from typing import Any, BinaryIO

from cnnkit.files.unsafe_file import UnsafeFileError

_BLOCK = 1 << 16
_MOST_ITEMS = 2_000_000  # texts and headings of arrays; a vocabulary has some hundred thousand


class Cursor:
    """A place in an open file of `size` bytes; numbers are in byte order `order`, "<" or ">"."""

    def __init__(self, stream: BinaryIO, size: int) -> None:
        self._stream, self.size = stream, size
        self.place, self.order = 0, "<"
        self._begin, self._block = 0, b""
        self._items = _MOST_ITEMS

    def number(self, code: str) -> Any:
        """Return the next number, of a code of `struct`."""
        return struct.unpack(self.order + code, self._take(struct.calcsize(self.order + code)))[0]

    def numbers(self, code: str, count: int) -> tuple[Any, ...]:
        """Return the next `count` numbers, of which the caller knows that they are few."""
        return struct.unpack(f"{self.order}{count}{code}", self._take(count * struct.calcsize(self.order + code)))

    def text(self, longest: int) -> str | None:
        """Return the next text, None for one of more than `longest` bytes; what is not UTF-8 as lone surrogates."""
        self.count()
        size = self.number("Q")
        if size > longest:
            self.skip(size)
            return None
        return self._take(size).decode("utf-8", "surrogateescape")

    def skip(self, size: int) -> None:
        """Move on by so many bytes. Raises UnsafeFileError when the file has fewer."""
        self._require(size)
        self.place += size

    def count(self) -> None:
        """Count an item. Raises UnsafeFileError for more than any file has."""
        self._items -= 1
        if self._items < 0:
            raise UnsafeFileError(f"metadata of more than {_MOST_ITEMS} texts and lists", "too_big")

    def _take(self, size: int) -> bytes:
        self._require(size)
        begin = self.place - self._begin
        if not 0 <= begin <= begin + size <= len(self._block):
            self._stream.seek(self.place)
            self._begin, self._block, begin = self.place, self._stream.read(max(_BLOCK, size)), 0
        content = self._block[begin : begin + size]
        if len(content) < size:
            raise UnsafeFileError(f"truncated: {size} bytes expected at {self.place}, {len(content)} stored")
        self.place += size
        return content

    def _require(self, size: int) -> None:
        if size > self.size - self.place:
            left = self.size - self.place
            raise UnsafeFileError(f"truncated: {size} bytes expected at {self.place}, {left} stored")
