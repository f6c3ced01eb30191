"""Elements of MAT-files of version 5: a tag of type and size, and data; an array is an element of elements.

Source: MATLAB's document "MAT-File Format", chapter 1.
"""

import struct
from typing import NamedTuple, NoReturn

import numpy as np

from cnnkit.exporters.matlab.sources import MatSource
from cnnkit.files.extents import count_bytes
from cnnkit.files.unsafe_file import UnsafeFileError

MATRIX, COMPRESSED = 14, 15
STORED = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
CELL, STRUCT, OBJECT, CHAR, SPARSE, FUNCTION, OPAQUE = 1, 2, 3, 4, 5, 16, 17
CLASSES = {6: "float64", 7: "float32", 8: "int8", 9: "uint8", 10: "int16", 11: "uint16", 12: "int32", 13: "uint32",
           14: "int64", 15: "uint64"}  # fmt: skip
_LOGICAL, _COMPLEX = 0x02, 0x08
_LONGEST_NAME, _MOST_AXES = 4096, 32


class Element(NamedTuple):
    """An element: its type, where its data lie, their size, and where the next element begins."""

    kind: int
    start: int
    size: int
    stop: int


class Heading(NamedTuple):
    """What an array begins with. follows: where its content begins; stored: values of a sparse matrix."""

    code: int
    logical: bool
    complex: bool
    stored: int
    shape: tuple[int, ...]
    name: str
    follows: int


class Level5:
    """A source of elements in one byte order."""

    def __init__(self, source: MatSource, order: str) -> None:
        self.source, self.order = source, order

    def element(self, place: int, limit: int) -> Element:
        """Return the element at a byte. Raises UnsafeFileError when it reaches beyond `limit`."""
        if place + 8 > limit:
            raise_damaged(f"{limit - place} bytes where an element of 8 and more is expected", place)
        word, size = struct.unpack(f"{self.order}2I", self.source.read(place, 8))
        if word >> 16:  # up to four bytes of data within the tag
            if word >> 16 > 4:
                raise_damaged(f"a small element of {word >> 16} bytes", place)
            return Element(word & 0xFFFF, place + 4, word >> 16, place + 8)
        stop = place + 8 + size
        if stop > limit:
            raise_damaged(f"truncated: an element of {size} bytes where {limit - place - 8} are left", place)
        padded = stop if word in (MATRIX, COMPRESSED) else min(stop + -size % 8, limit)
        return Element(word, place + 8, size, padded)

    def heading(self, matrix: Element) -> Heading:
        """Return flags, shape and name of an array. Raises UnsafeFileError when they are not those of one."""
        flags = self.element(matrix.start, matrix.stop)
        word, stored = struct.unpack(f"{self.order}2I", self.content(flags, 6, 8, 8))
        code = word & 0xFF
        if code == OPAQUE:
            return Heading(code, False, False, 0, (), self._text(self.element(flags.stop, matrix.stop)), matrix.stop)
        extents = self.element(flags.stop, matrix.stop)
        data = self.content(extents, 5, 8, 4 * _MOST_AXES)
        shape = struct.unpack(f"{self.order}{len(data) // 4}i", data[: len(data) // 4 * 4])
        count_bytes(shape, 1)
        name = self.element(extents.stop, matrix.stop)
        bits = word >> 8
        return Heading(code, bool(bits & _LOGICAL), bool(bits & _COMPLEX), stored, shape, self._text(name), name.stop)

    def content(self, element: Element, kind: int, least: int, most: int) -> bytes:
        """Return the data of a small element. Raises UnsafeFileError when it is of another type or size."""
        if element.kind != kind or not least <= element.size <= most:
            raise_damaged(f"an element of type {element.kind} and {element.size} bytes", element.start)
        return self.source.read(element.start, element.size)

    def fields(self, place: int, limit: int) -> tuple[list[str], int]:
        """Return the names of a struct's fields, and where its values begin."""
        length = self.element(place, limit)
        (width,) = struct.unpack(f"{self.order}i", self.content(length, 5, 4, 4))
        names = self.element(length.stop, limit)
        if not 0 < width <= _LONGEST_NAME or names.size % width:
            raise_damaged(f"names of fields of {width} bytes each, {names.size} together", place)
        data = self.content(names, 1, 0, 1 << 20)
        return [_decode(data[begin : begin + width]) for begin in range(0, len(data), width)], names.stop

    def _text(self, element: Element) -> str:
        return _decode(self.content(element, 1, 0, _LONGEST_NAME))


def find_stored(element: Element, order: str, count: int) -> "np.dtype[np.generic]":
    """Return the type in which `count` values are stored. Raises UnsafeFileError when the bytes are not so many."""
    if element.kind not in STORED:
        raise_damaged(f"values of type {element.kind}", element.start)
    stored = np.dtype(order + STORED[element.kind])
    if stored.itemsize * count != element.size:
        raise_damaged(f"{count} values of {stored.itemsize} bytes in {element.size}", element.start)
    return stored


def raise_damaged(problem: str, place: int) -> NoReturn:
    """Raise the error about a problem at a byte of the file, or of what it unpacks to."""
    raise UnsafeFileError(f"damaged MATLAB file: {problem} at byte {place}")


def _decode(data: bytes) -> str:
    return data.partition(b"\0")[0].decode("utf-8", "surrogateescape")
