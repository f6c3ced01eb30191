"""The first fields of a protocol buffers message, from the beginning of a file alone: for recognising what it is."""

from collections.abc import Iterator
from typing import NamedTuple

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
_FIXED = {FIXED64: 8, FIXED32: 4}


class HeadField(NamedTuple):
    """A field. value: of a varint, else its number of bytes; content: those that lie in the head; stop: its end."""

    number: int
    wire: int
    value: int
    content: bytes
    stop: int


def iterate_head(head: bytes) -> Iterator[HeadField]:
    """Yield the fields that begin in `head`; stop before what is no field."""
    position = 0
    while position < len(head):
        key, position = _parse_varint(head, position)
        number, wire = key >> 3, key & 7
        if not number or wire not in (VARINT, BYTES, *_FIXED):
            return
        value, start = (_FIXED[wire], position) if wire in _FIXED else _parse_varint(head, position)
        position = start if wire == VARINT else start + value
        yield HeadField(number, wire, value, head[start:position] if wire != VARINT else b"", position)


def _parse_varint(head: bytes, position: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if position >= len(head):
            return 0, position
        byte = head[position]
        value, position = value | (byte & 0x7F) << shift, position + 1
        if byte < 0x80:
            break
    return value, position
