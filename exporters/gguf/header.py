"""The header of a GGUF file: metadata and a list of tensors, checked before any of it is used.

Source: docs/gguf.md of ggml; types of tensors and sizes of blocks as in ggml-quants and its Python package.
"""

import math
from typing import Any, NamedTuple

from cnnkit.exporters.core.element_types import carrier
from cnnkit.exporters.gguf.cursor import Cursor
from cnnkit.exporters.gguf.types import BLOCKS, DTYPES
from cnnkit.files.extents import MAX_RANK, count_bytes
from cnnkit.files.limits import require_few
from cnnkit.files.names import printable
from cnnkit.files.unsafe_file import UnsafeFileError

MAGIC = b"GGUF"
_VERSIONS = (2, 3)
_MOST_TENSORS, _MOST_KEYS = 200_000, 20_000
_LONGEST_NAME, _LONGEST_TEXT, _LONGEST_LIST, _MOST_TEXT = 1 << 16, 1 << 14, 64, 16 << 20
_MAX_DEPTH = 8
_NUMBERS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_TEXT, _LIST = 8, 9
_SIZES = {"B": 1, "b": 1, "H": 2, "h": 2, "I": 4, "i": 4, "f": 4, "?": 1, "Q": 8, "q": 8, "d": 8}


class GgufTensor(NamedTuple):
    """A tensor in the order of rows. start: from the beginning of the file; size: None for a type that is not known."""

    name: str
    shape: tuple[int, ...]
    code: int
    start: int
    size: int | None


class Header(NamedTuple):
    """What stands before the values. left_out: {key: number of values} of metadata too long to be kept."""

    order: str
    version: int
    metadata: dict[str, Any]
    left_out: dict[str, int]
    entries: tuple[GgufTensor, ...]


def read_header(cursor: Cursor) -> Header:
    """Return the header. Raises UnsafeFileError, or ValueError in one line, when it does not fit the file."""
    cursor.skip(len(MAGIC))
    version = cursor.number("I")
    if version & 0xFFFF == 0:  # written by a big-endian machine
        cursor.order, version = ">", int.from_bytes(version.to_bytes(4, "little"), "big")
    if version not in _VERSIONS:
        raise UnsafeFileError(f"version {version} of GGUF: expected 2 or 3", "refused")
    tensors, keys = cursor.number("Q"), cursor.number("Q")
    for count, most, what in ((tensors, _MOST_TENSORS, "tensors"), (keys, _MOST_KEYS, "keys of metadata")):
        require_few(count, most, what)
    reader = _MetadataReader(cursor)
    for _ in range(keys):
        reader.add_key()
    listed = [_read_entry(cursor) for _ in range(tensors)]
    alignment = reader.metadata.get("general.alignment", 32)
    if type(alignment) is not int or alignment < 1 or alignment & (alignment - 1):
        raise ValueError(f"general.alignment: expected a power of two, got {printable(repr(alignment), 40)}")
    origin = cursor.place + -cursor.place % alignment
    entries = tuple(_place(entry, origin, alignment, cursor.size) for entry in listed)
    _require_apart(entries)
    return Header(cursor.order, version, reader.metadata, reader.left_out, entries)


class _MetadataReader:
    """Reads keys and values, and keeps what is short."""

    def __init__(self, cursor: Cursor) -> None:
        self._cursor, self._text = cursor, _MOST_TEXT
        self.metadata: dict[str, Any] = {}
        self.left_out: dict[str, int] = {}

    def add_key(self) -> None:
        """Read the next key and its value. Raises ValueError for one that occurs twice."""
        key = self._cursor.text(_LONGEST_NAME)
        if key is None:
            raise ValueError(f"a key of metadata of more than {_LONGEST_NAME} bytes")
        if key in self.metadata or key in self.left_out:
            raise ValueError(f"key {printable(key)} of metadata occurs twice")
        value, count = self._read_value(self._cursor.number("I"), 0)
        self._text -= len(key)
        if value is None or self._text < 0:
            self.left_out[key] = count
        else:
            self.metadata[key] = value

    def _read_value(self, kind: int, depth: int) -> tuple[Any, int]:
        """Return a value, None where it is too long to be kept, and the number of values that it has."""
        if kind == _TEXT:
            text = self._cursor.text(_LONGEST_TEXT)
            self._text -= len(text or "")
            return text, 1
        if kind == _LIST:
            return self._read_list(depth)
        if kind not in _NUMBERS:
            raise ValueError(f"metadata of type {kind} at byte {self._cursor.place}")
        number = self._cursor.number(_NUMBERS[kind])
        return (number if math.isfinite(number) else repr(number)), 1

    def _read_list(self, depth: int) -> tuple[list[Any] | None, int]:
        if depth == _MAX_DEPTH:
            raise UnsafeFileError(f"lists of metadata nested deeper than {_MAX_DEPTH}", "too_big")
        self._cursor.count()
        kind, count = self._cursor.number("I"), self._cursor.number("Q")
        if kind in _NUMBERS and count > _LONGEST_LIST:
            self._cursor.skip(count * _SIZES[_NUMBERS[kind]])
            return None, count
        values, total, whole = [], 0, count <= _LONGEST_LIST
        for _ in range(count):
            value, inside = self._read_value(kind, depth + 1)
            total, whole = total + inside, whole and value is not None
            if whole:
                values.append(value)
        return (values if whole else None), max(total, count)


def _read_entry(cursor: Cursor) -> GgufTensor:
    name = cursor.text(_LONGEST_NAME)
    if name is None:
        raise ValueError(f"a tensor with a name of more than {_LONGEST_NAME} bytes")
    rank = cursor.number("I")
    if rank > MAX_RANK:
        raise ValueError(f"tensor {printable(name)}: {rank} axes, more than {MAX_RANK}")
    shape = cursor.numbers("Q", rank)[::-1]  # the first axis is the one that lies together in memory
    return GgufTensor(name, shape, cursor.number("I"), cursor.number("Q"), None)


def _place(entry: GgufTensor, origin: int, alignment: int, file_size: int) -> GgufTensor:
    """Return an entry with its place in the file. Raises ValueError when it does not lie inside."""
    where = f"tensor {printable(entry.name)}"
    if entry.start % alignment:
        raise ValueError(f"{where}: begins at {entry.start}, not a multiple of {alignment}")
    start, size = origin + entry.start, None
    if entry.code in DTYPES:
        size = count_bytes(entry.shape, carrier(DTYPES[entry.code]).itemsize)
    elif entry.code in BLOCKS:
        block = BLOCKS[entry.code]
        values = count_bytes(entry.shape, 1)
        if not entry.shape or entry.shape[-1] % block.values:
            raise ValueError(f"{where}: rows of {entry.shape} are not whole blocks of {block.values}")
        size = values // block.values * block.size
    if start + (size or 0) > file_size:
        left = max(file_size - start, 0)
        raise UnsafeFileError(f"truncated: {where} takes {size or 0} bytes at {start}, {left} stored")
    return entry._replace(start=start, size=size)


def _require_apart(entries: tuple[GgufTensor, ...]) -> None:
    """Raise ValueError when two tensors overlap, or have one name."""
    end, names = 0, set[str]()
    for entry in sorted(entries, key=lambda entry: (entry.start, entry.size or 0)):
        if entry.start < end:
            raise ValueError(f"tensor {printable(entry.name)} overlaps another, at byte {entry.start}")
        end = entry.start + (entry.size or 0)
        if entry.name in names:
            raise ValueError(f"tensor {printable(entry.name)} occurs twice")
        names.add(entry.name)
