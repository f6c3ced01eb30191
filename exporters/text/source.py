"""Splits a text file into pieces: runs of number lines, and every other line alone, with line numbers and offsets.

A line holds numbers when its first character that is not blank is a digit, +, - or a point.
"""

from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

import numpy as np

from cnnkit.exporters.core.weight_file import Array
from cnnkit.exporters.text.grammar import NUMBER_STARTS

_BLOCK = 512 << 10
_LONGEST_LINE = 16 << 20
_LONGEST_NUMBER = 1 << 20
_STARTS = frozenset(bytes((code,)) for code in NUMBER_STARTS)
_NUMERIC = np.isin(np.arange(256), list(NUMBER_STARTS + b"\n"))


class Piece(NamedTuple):
    """Whole lines of numbers (and blank ones), or one other line without its end; `line` counts from 1."""

    numbers: bool
    text: bytes
    line: int
    offset: int


class LineError(ValueError):
    """A line of the file that breaks the grammar."""

    def __init__(self, line: int, problem: str) -> None:
        super().__init__(f"line {line}: {problem}")
        self.line = line


def split_pieces(stream: BinaryIO, line: int = 1) -> Iterator[Piece]:
    """Yield the pieces of a stream from its position on, which is the beginning of line `line`.

    Raises LineError for a line that is longer than any writer makes it.
    """
    offset, rest, within = stream.tell(), b"", False
    while True:
        data = stream.read(_BLOCK)
        block = rest + data
        cut = len(block) if not data else block.rfind(b"\n") + 1
        if not cut:
            within = within or block.lstrip(b" \t\r")[:1] in _STARTS
            cut = max(block.rfind(b" "), block.rfind(b"\t")) + 1 if within else 0
            if len(block) - cut > (_LONGEST_NUMBER if within else _LONGEST_LINE):
                raise LineError(line, f"{len(block) - cut} bytes without an end")
        whole, rest = block[:cut], block[cut:]
        starts = _find_line_starts(whole)
        yield from _split(whole, starts, Piece(within, b"", line, offset))
        line += len(starts) - 1
        offset += cut
        if whole:
            last = whole[whole.rfind(b"\n") + 1 :]
            within = (within and last == whole) or last.lstrip(b" \t\r")[:1] in _STARTS
        if not data:
            return


def _find_line_starts(whole: bytes) -> Array:
    """Return the offsets at which lines begin; the last line may be empty."""
    return np.concatenate(([0], np.flatnonzero(np.frombuffer(whole, np.uint8) == 10) + 1))


def _split(whole: bytes, starts: Array, at: Piece) -> Iterator[Piece]:
    """Yield the pieces of whole lines; `at`: their line and offset, and whether they begin within a line of numbers."""
    codes = np.frombuffer(whole + b"\n\n", np.uint8)
    first, second = codes[starts], codes[starts + 1]
    numbers = _NUMERIC[first] | ((first == 32) & _NUMERIC[second])
    numbers[0] |= at.numbers
    begin = line = 0
    for index in np.flatnonzero(~numbers).tolist():
        start, end = int(starts[index]), int(starts[index + 1]) - 1 if index + 1 < len(starts) else len(whole)
        text = whole[start:end].strip(b" \t\r")
        if text and text[:1] not in _STARTS:
            if begin < start:
                yield Piece(True, whole[begin:start], at.line + line, at.offset + begin)
            yield Piece(False, text, at.line + index, at.offset + start)
            begin, line = end + 1, index + 1
    if begin < len(whole):
        yield Piece(True, whole[begin:], at.line + line, at.offset + begin)
