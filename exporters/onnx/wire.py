"""Reads protocol buffers from a file: fields by number, each read when asked for and checked."""

from collections.abc import Iterator
from typing import BinaryIO, NamedTuple, NoReturn

import numpy as np
from numpy.typing import NDArray

from cnnkit.exporters.core.protobuf_head import BYTES, FIXED32, FIXED64, VARINT
from cnnkit.files.limits import require_few
from cnnkit.files.unsafe_file import UnsafeFileError

RUN_OF = {VARINT: 8, FIXED32: 9}  # beyond the wire types: fields that follow each other and have one number
_BLOCK = 1 << 16
_MOST_FIELDS = 2_000_000
_TEXT = 64 << 20
OBJECT = 6  # fields that a node, an attribute or a tensor counts as


class Field(NamedTuple):
    """One field: `value` of a varint or of fixed bits; other content lies between start and stop."""

    number: int
    wire: int
    value: int
    start: int
    stop: int


class Source:
    """An open file, read in blocks; it limits the number of fields."""

    def __init__(self, stream: BinaryIO, size: int) -> None:
        self._stream, self.size = stream, size
        self._begin, self._block = 0, b""
        self._fields = 0

    def fields(self, start: int, stop: int, runs: bool = False) -> Iterator[Field]:
        """Yield the fields of the message between two offsets.

        runs: yield numbers that follow each other under one key as one field of a wire type in RUN_OF, its value their
        count, with their keys between start and stop; a long list of numbers would take long one by one.

        Raises UnsafeFileError for what is not a message, reaches beyond it, or has more fields than any net.
        """
        position = start
        while position < stop:
            begin = position
            key, position = self._read_varint(position, stop)
            number, wire = key >> 3, key & 7
            self.count()
            if number == 0 or number >= 1 << 29:
                raise_damaged(f"field number {number}", begin)
            if runs and wire in RUN_OF and key < 0x80:
                count, end = self._find_run(key, begin, stop)
                if count > 1:
                    yield Field(number, RUN_OF[wire], count, begin, end)
                    position = end
                    continue
            if wire == VARINT:
                value, position = self._read_varint(position, stop)
                yield Field(number, wire, value, position, position)
                continue
            if wire == BYTES:
                size, position = self._read_varint(position, stop)
            elif wire in (FIXED64, FIXED32):
                size = 8 if wire == FIXED64 else 4
            else:
                raise_damaged(f"wire type {wire}", begin)
            if size > stop - position:
                raise_damaged(f"field {number} of {size} bytes where {stop - position} are left", begin)
            value = int.from_bytes(self.bytes(position, position + size), "little") if wire != BYTES else 0
            yield Field(number, wire, value, position, position + size)
            position += size

    def count(self, fields: int = 1) -> None:
        """Count fields; a message that is kept as an object counts as several, for even an empty one takes memory.

        Raises UnsafeFileError for more than any net has.
        """
        self._fields += fields
        if self._fields > _MOST_FIELDS:
            require_few(self._fields, _MOST_FIELDS, "fields")

    def _find_run(self, key: int, start: int, stop: int) -> tuple[int, int]:
        """Return (count, end) of the numbers under `key` that follow each other from `start` on, in one block."""
        self.bytes(start, min(start + _BLOCK, stop))
        data = np.frombuffer(self._block, np.uint8)[start - self._begin : stop - self._begin]
        if key & 7 == FIXED32:
            count = _count_true(data[: len(data) // 5 * 5 : 5] == key)
            return count, start + 5 * count
        ends = np.flatnonzero(data < 0x80)  # of numbers, keys and values by turns
        ends = ends[: len(ends) // 2 * 2]
        begins = np.concatenate(([0], ends[1:-1:2] + 1))[: len(ends) // 2]
        count = _count_true(data[begins] == key)  # a key of one byte
        return count, start + (int(ends[2 * count - 1]) + 1 if count else 0)

    def bytes(self, start: int, stop: int) -> bytes:
        """Return a small part of the file. Raises UnsafeFileError when it is too large, or cut."""
        if stop - start > _TEXT:
            raise UnsafeFileError(f"text of {stop - start} bytes at byte {start}", "too_big")
        if not (self._begin <= start and stop <= self._begin + len(self._block)):
            self._stream.seek(start)
            self._begin, self._block = start, self._stream.read(max(_BLOCK, stop - start))
        content = self._block[start - self._begin : stop - self._begin]
        if len(content) < stop - start:
            raise_damaged("cut", start)
        return content

    def text(self, field: Field) -> str:
        """Return the text of a field; bytes that are not UTF-8 become lone surrogates."""
        if field.wire != BYTES:
            raise_damaged(f"field {field.number} is not text", field.start)
        return self.bytes(field.start, field.stop).decode("utf-8", "surrogateescape")

    def varints(self, field: Field) -> Iterator[int]:
        """Yield the numbers of a repeated field, packed or not."""
        if field.wire == VARINT:
            yield field.value
            return
        position = field.start
        while position < field.stop:
            self.count()
            value, position = self._read_varint(position, field.stop)
            yield value

    def _read_varint(self, position: int, stop: int) -> tuple[int, int]:
        value = shift = 0
        while True:
            if position >= stop:
                raise_damaged("a number is cut", position)
            offset = position - self._begin
            if not 0 <= offset < len(self._block):
                self.bytes(position, position + 1)
                offset = position - self._begin
            byte = self._block[offset]
            value |= (byte & 0x7F) << shift
            position += 1
            if byte < 0x80:
                return value & 0xFFFFFFFFFFFFFFFF, position
            shift += 7
            if shift > 63:
                raise_damaged("a number of more than ten bytes", position)


def _count_true(values: NDArray[np.bool_]) -> int:
    """Return how many values are true before the first that is not."""
    return len(values) if values.all() else int(values.argmin())


def raise_damaged(problem: str, offset: int) -> NoReturn:
    """Raise the error about a problem at a byte of the file."""
    raise UnsafeFileError(f"damaged ONNX file: {problem} at byte {offset}")


def to_signed(value: int) -> int:
    """Return a varint as a signed number."""
    return value - (1 << 64) if value >= 1 << 63 else value


def parse_message(source: Source, whole: Field) -> Iterator[Field]:
    """Return the fields of a message inside a message. Raises UnsafeFileError for a field that is none."""
    if whole.wire != BYTES:
        raise_damaged(f"field {whole.number} is not a message", whole.start)
    return source.fields(whole.start, whole.stop)


def parse_pair(source: Source, whole: Field) -> tuple[str | int, str | int]:
    """Return fields 1 and 2 of a message, each a text or a number."""
    values: dict[int, str | int] = {}
    for part in parse_message(source, whole):
        values[part.number] = part.value if part.wire == VARINT else source.text(part)
    return values.get(1, ""), values.get(2, "")
