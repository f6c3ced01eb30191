"""Reads FlatBuffers from a file: tables, vectors and texts, every offset checked, in bounded memory.

A table begins with the distance back to its vtable, which lists where in the table each field lies; tables, vectors and
texts are referred to by their distance from the field (https://flatbuffers.dev/internals).
"""

import functools
import struct
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple, NoReturn

from cnnkit.files.limits import require_few
from cnnkit.files.unsafe_file import UnsafeFileError

_PAGE, _PAGES = 1 << 14, 256
_MOST_ITEMS = 2_400_000  # tables and numbers; offsets may lead to the same table again and again
_MOST_AGAIN = 1_000  # references of one list to tables that it has already: four bytes each, and a table's work
_TABLE, _CONSTANT = 4, 8  # items that a table counts as, and that it counts as more where it is a constant
_MOST_TEXT = 64 << 20
_MOST_FIELDS = 64  # of a table that are looked at; the schema has a dozen


class Span(NamedTuple):
    """Bytes of the file: where they begin, and how many."""

    start: int
    size: int


class Flatbuffer:
    """An open file; it limits how much is parsed of it."""

    def __init__(self, stream: BinaryIO, size: int) -> None:
        self._stream, self.size = stream, size
        self._items, self._text = 0, _MOST_TEXT
        self._page = functools.lru_cache(maxsize=_PAGES)(self._read_page)

    def root(self) -> "FlatTable":
        """Return the outermost table."""
        return FlatTable(self, self.follow(0))

    def number(self, start: int, layout: str) -> int:
        """Return the integer of that `struct` layout at a byte."""
        return int(struct.unpack(layout, self.content(start, struct.calcsize(layout)))[0])

    def follow(self, start: int) -> int:
        """Return where the offset at a byte leads."""
        return start + self.number(start, "<I")

    def content(self, start: int, size: int) -> bytes:
        """Return a small part of the file. Raises UnsafeFileError when it reaches outside."""
        self.require_inside(start, size)
        number, first = divmod(start, _PAGE)
        pages = range(number, -((start + size) // -_PAGE))
        content = b"".join(map(self._page, pages))[first : first + size]
        if len(content) < size:
            raise_damaged("cut", start)
        return content

    def require_inside(self, start: int, size: int) -> None:
        """Raise UnsafeFileError unless so many bytes lie in the file."""
        if start < 0 or size > self.size - start:
            raise_damaged(f"{size} bytes where {max(self.size - max(start, 0), 0)} are left", start)

    def text(self, span: Span) -> str:
        """Return a text; bytes that are not UTF-8 become lone surrogates."""
        self._text -= span.size
        if self._text < 0:
            raise UnsafeFileError(f"names of more than {_MOST_TEXT} bytes", "too_big")
        return self.content(*span).decode("utf-8", "surrogateescape")

    def count(self, items: int) -> None:
        """Count tables and numbers. Raises UnsafeFileError when they are more than any model's."""
        self._items += items
        if self._items > _MOST_ITEMS:
            require_few(self._items, _MOST_ITEMS, "tables and numbers")

    def _read_page(self, number: int) -> bytes:
        self._stream.seek(number * _PAGE)
        return self._stream.read(_PAGE)


class FlatTable:
    """A table; its fields are asked for by their number in the schema, and each may be absent."""

    def __init__(self, buffer: Flatbuffer, position: int) -> None:
        self._buffer, self._position = buffer, position
        buffer.count(_TABLE)
        vtable = position - buffer.number(position, "<i")
        size, self._size = buffer.number(vtable, "<H"), buffer.number(vtable + 2, "<H")
        if size < 4 or size % 2 or self._size < 4:
            raise_damaged(f"a table of {self._size} bytes with a list of fields of {size}", position)
        fields = min(size // 2 - 2, _MOST_FIELDS)
        self._offsets = struct.unpack(f"<{fields}H", buffer.content(vtable + 4, 2 * fields))

    def count_constant(self) -> None:
        """Count this table as one that becomes a tensor, which takes memory beyond it. Raises as `Flatbuffer.count`."""
        self._buffer.count(_CONSTANT)

    def number(self, field: int, layout: str = "<i", default: int = 0) -> int:
        """Return an integer."""
        place = self._place(field, struct.calcsize(layout))
        return default if place is None else self._buffer.number(place, layout)

    def table(self, field: int) -> "FlatTable | None":
        """Return the table that a field refers to."""
        place = self._place(field, 4)
        return None if place is None else FlatTable(self._buffer, self._buffer.follow(place))

    def vector(self, field: int, item: int) -> Span:
        """Return the bytes of a vector of items of `item` bytes; none when it is absent."""
        place = self._place(field, 4)
        if place is None:
            return Span(0, 0)
        start = self._buffer.follow(place)
        size = item * self._buffer.number(start, "<I")
        self._buffer.require_inside(start + 4, size)
        return Span(start + 4, size)

    def numbers(self, field: int) -> tuple[int, ...]:
        """Return a vector of 32-bit integers."""
        span = self.vector(field, 4)
        self._buffer.count(span.size // 4)
        return struct.unpack(f"<{span.size // 4}i", self._buffer.content(*span))

    def is_zero(self, field: int, item: int) -> bool:
        """Return whether all of a vector's bytes are 0."""
        span = self.vector(field, item)
        self._buffer.count(span.size // item)
        return not any(self._buffer.content(*span))

    def text(self, field: int) -> str:
        """Return a text, "" when it is absent."""
        return self._buffer.text(self.vector(field, 1))

    def tables(self, field: int) -> Iterator["FlatTable"]:
        """Yield a vector of tables."""
        start, size = self.vector(field, 4)
        seen: set[int] = set()
        for number, place in enumerate(range(start, start + size, 4)):
            target = self._buffer.follow(place)
            seen.add(target)
            if number - len(seen) >= _MOST_AGAIN:
                raise_damaged(f"a list that refers to the same tables more than {_MOST_AGAIN} times", place)
            yield FlatTable(self._buffer, target)

    def _place(self, field: int, size: int) -> int | None:
        """Return the byte of a field that takes `size` bytes of the table, None when it is absent."""
        offset = self._offsets[field] if field < len(self._offsets) else 0
        if not offset:
            return None
        if offset < 4 or offset + size > self._size:
            raise_damaged(f"field {field} outside its table", self._position)
        return self._position + int(offset)


def raise_damaged(problem: str, offset: int) -> NoReturn:
    """Raise the error about a problem at a byte of the file."""
    raise UnsafeFileError(f"damaged TensorFlow Lite file: {problem} at byte {offset}")
