"""Reads the numbers of one tensor, from its heading to its end line."""

import hashlib
import itertools
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from cnnkit.exporters.core.element_types import carrier
from cnnkit.exporters.core.number_text.parsing import NumberError, find_number, parse_numbers
from cnnkit.exporters.core.weight_file import Array
from cnnkit.exporters.text import grammar
from cnnkit.exporters.text.heading import TensorHeading
from cnnkit.exporters.text.source import LineError, Piece
from cnnkit.files.names import printable

_BATCH = 256 << 10


class ReadValues(NamedTuple):
    """The array, or None where it is not kept, and its SHA-256."""

    array: Array | None
    sha256: str


class _Store:
    """Collects numbers: hashes and counts them, and keeps them if asked to."""

    def __init__(self, heading: TensorHeading, keep: bool) -> None:
        self._heading = heading
        self._dtype = carrier(heading.dtype)
        self._array = np.empty(heading.size, self._dtype) if keep else None
        self._hash = hashlib.sha256()
        self._pending: list[Piece] = []
        self._size = 0
        self.count = 0

    def add(self, piece: Piece) -> None:
        self._pending.append(piece)
        self._size += len(piece.text)
        if self._size >= _BATCH:
            self.flush()

    def flush(self) -> None:
        text = b"".join(piece.text for piece in self._pending)
        try:
            values = parse_numbers(text, self._heading.dtype)
        except NumberError as error:
            line = self._find_line(find_number(text, error.index))
            raise LineError(line, f"{printable(self._heading.name)}: {error}") from error
        begin, end = self.count, self.count + values.size
        if end <= self._heading.size:
            self._hash.update(values.astype(self._dtype.newbyteorder("<"), copy=False).view(np.uint8).data)
            if self._array is not None:
                self._array[begin:end] = values
        self.count = end
        self._pending, self._size = [], 0

    def _find_line(self, offset: int) -> int:
        line = 0
        for piece in self._pending:
            line = piece.line + piece.text.count(b"\n", 0, offset)
            if offset < len(piece.text):
                break
            offset -= len(piece.text)
        return line

    def result(self) -> ReadValues:
        array = self._array
        shaped = None if array is None else array.reshape(self._heading.shape)
        return ReadValues(shaped, self._hash.hexdigest())


def read_values(heading: TensorHeading, source: Iterator[Piece], keep: bool) -> ReadValues:
    """Return the numbers after a heading; `source` continues behind the heading's next piece.

    Raises LineError for any line but numbers, labels, comments and the end, and for too few or too many numbers.
    """
    store, name = _Store(heading, keep), printable(heading.name)
    for piece in itertools.chain((heading.next,), source):
        text = piece.text
        if piece.numbers:
            store.add(piece)
        elif text.startswith(b"end ") and not text.startswith(b"end of"):
            store.flush()
            _require_end(heading, piece, store.count)
            return store.result()
        elif not text.startswith((b"#", b"[")):
            got = printable(text[:80].decode("utf-8", "backslashreplace"), 60)
            raise LineError(
                piece.line, f'{name}: expected numbers, [label], # comment or "end ... numbers", got "{got}"'
            )
        elif text.startswith(b"[") and not grammar.LABEL.fullmatch(text.decode("ascii", "replace")):
            raise LineError(piece.line, f"{name}: not a label: {printable(text[:80].decode('ascii', 'replace'), 60)}")
    raise ValueError(f'cut short within {name}: the last line must be "end of file, ... tensors, ... numbers"')


def _require_end(heading: TensorHeading, piece: Piece, count: int) -> None:
    name = printable(heading.name)
    end = grammar.END.fullmatch(piece.text.decode("ascii", "replace"))
    if end is None:
        raise LineError(piece.line, f'{name}: expected "end {heading.size} numbers"')
    if count != heading.size:
        raise LineError(piece.line, f"{name}: expected {heading.size} numbers, found {count}")
    if int(end[1]) != count:
        raise LineError(piece.line, f"{name}: {count} numbers, but the end line declares {end[1]}")
