"""Reads the lines before the numbers of a tensor, strictly."""

import math
import re
from collections.abc import Iterator
from typing import NamedTuple

from cnnkit.exporters.core.element_types import carrier
from cnnkit.exporters.core.number_text.patterns import WIDTHS
from cnnkit.exporters.core.weight_file import ROLES
from cnnkit.exporters.text import grammar
from cnnkit.exporters.text.source import LineError, Piece
from cnnkit.files.extents import count_bytes
from cnnkit.files.names import printable


class TensorHeading(NamedTuple):
    """Name, type, shape, layer, role, axes and SHA-256 of a tensor, and the piece after the heading."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    layer: str
    role: str
    axes: tuple[str, ...]
    sha256: str | None
    next: Piece

    @property
    def size(self) -> int:
        """The number of values."""
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        """The number of bytes of the values."""
        return self.size * carrier(self.dtype).itemsize


def read_heading(first: Piece, source: Iterator[Piece], room: int) -> TensorHeading:
    """Return the heading that begins with the line `first`; the rest of the file holds at most `room` numbers.

    Raises LineError for a line that the grammar does not allow there.
    """
    lines = _Lines(first, source)
    declared = lines.take(grammar.TENSOR, "tensor NAME DTYPE (SHAPE)")
    name, dtype = lines.name(declared[1]), declared[2]
    shape = tuple(map(int, declared[3].split(", "))) if declared[3] else ()
    if dtype not in WIDTHS:
        raise lines.error(f"element type {printable(dtype, 30)} is not one of {', '.join(WIDTHS)}")
    try:
        count_bytes(shape, carrier(dtype).itemsize)
    except ValueError as error:
        raise lines.error(str(error)) from error
    if math.prod(shape) > room:
        raise lines.error(f"declares {math.prod(shape)} numbers, the file has room for {max(room, 0)}")
    lines.advance()
    layer = lines.name(lines.take(grammar.LAYER, "layer NAME")[1])
    lines.advance()
    role = lines.take(grammar.ROLE, "role ROLE")[1]
    if role not in ROLES:
        raise lines.error(f"role {printable(role, 30)} is not one of {', '.join(ROLES)}")
    lines.advance()
    axes = lines.names(lines.take(grammar.AXES, "axes (NAME, ...)")[1])
    if len(axes) != len(shape):
        raise lines.error(f"expected {len(shape)} axes, got {len(axes)}")
    lines.advance()
    digest = grammar.SHA256.fullmatch(lines.text)
    if digest is not None:
        lines.advance()
    return TensorHeading(name, dtype, shape, layer, role, axes, digest and digest[1], lines.piece)


class _Lines:
    """The current line of a heading."""

    def __init__(self, first: Piece, source: Iterator[Piece]) -> None:
        self.piece, self._source = first, source

    @property
    def text(self) -> str:
        return self.piece.text.decode("ascii", "replace") if not self.piece.numbers else ""

    def advance(self) -> None:
        for piece in self._source:
            if not piece.text.isspace():
                self.piece = piece
                return
        raise ValueError('cut short: the last line must be "end of file, ... tensors, ... numbers"')

    def take(self, pattern: re.Pattern[str], form: str) -> re.Match[str]:
        match = pattern.fullmatch(self.text)
        if match is None:
            got = self.piece.text[:80].decode("utf-8", "backslashreplace")
            raise self.error(f'expected "{form}", got "{printable(got.partition(chr(10))[0], 60)}"')
        return match

    def name(self, text: str) -> str:
        return self.names(text)[0]

    def names(self, text: str) -> tuple[str, ...]:
        try:
            return grammar.parse_names(text)
        except ValueError as error:
            raise self.error(f"a name is not a JSON string: {error}") from error

    def error(self, problem: str) -> LineError:
        return LineError(self.piece.line, problem)
