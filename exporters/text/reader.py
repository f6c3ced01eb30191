"""Reads a text file of weights: all numbers at once, so that a cut file is refused and a changed value is noticed."""

import contextlib
import functools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from cnnkit.exporters.core import strict_json
from cnnkit.exporters.core.faults import fault, faults_of
from cnnkit.exporters.core.weight_file import JSON_FIELDS, KINDS, Array, NotRead, Tensor, WeightFile
from cnnkit.exporters.text import grammar
from cnnkit.exporters.text.heading import TensorHeading, read_heading
from cnnkit.exporters.text.source import LineError, Piece, split_pieces
from cnnkit.exporters.text.values import ReadValues, read_values
from cnnkit.files.names import printable
from cnnkit.files.stored_file import StoredFile
from cnnkit.files.unsafe_file import UnsafeFileError

NAME = "txt"
ROUNDED = "rounded_to_digits"  # the key of the metadata that holds `precision`
_BOM = b"\xef\xbb\xbf"
_KEEP = 256 << 20  # bytes of values kept; later tensors are read again when asked for
_TAIL = 4096
_MAX_HEAD = 64 << 20
_CUT = 'cut short: the last line must be "end of file, ... tensors, ... numbers"'


class _ReadTensor(NamedTuple):
    heading: TensorHeading
    values: ReadValues


class _Head(NamedTuple):
    texts: dict[str, Any]
    precision: int | None


def read_text(path: Path) -> WeightFile:
    """Return the content of a file; `edited` names the tensors whose numbers are not those that were written.

    Raises WeightFileError for the first line that breaks the grammar, with its number.
    """
    file = StoredFile(path)
    try:
        with file.open() as stream:
            head, parts = _read_all(stream, file.size)
            kinds = _read_kinds(head.texts, [part.heading for part in parts])
            return _build_weight_file(file, head, parts, kinds)
    except ValueError as error:
        problem = str(error)
        if "cut short" not in problem and not _has_end(file):
            problem = f"{problem}; {_CUT}"
        hint = "copy or download it again" if "cut short" in problem else None
        raise fault(path, problem, format_name=NAME, hint=hint) from error
    except UnsafeFileError as error:
        raise fault(path, str(error), format_name=NAME) from error


def _read_all(stream: BinaryIO, size: int) -> tuple[_Head, list[_ReadTensor]]:
    if stream.read(3) != _BOM:
        stream.seek(0)
    source = split_pieces(stream)
    first = next(source, None)
    if first is None or first.text not in (f"{grammar.FORMAT} {version}".encode() for version in grammar.READABLE):
        versions = " or ".join(map(str, grammar.READABLE))
        raise LineError(1, f'expected "{grammar.FORMAT}" and version {versions}: this cnnkit reads no other')
    texts, piece = _read_texts(_next_piece(source), source)  # version 1 has them before the tensors
    precision, piece = _read_precision(piece, source)
    parts: list[_ReadTensor] = []
    room, keep = size // 2 + 1, _KEEP  # a number takes at least a character and a blank
    while piece is not None and not piece.text.startswith((b"end of file", b"@")):
        if piece.numbers:
            raise LineError(piece.line, "numbers outside a tensor")
        heading = read_heading(piece, source, room)
        if heading.sha256 and precision:
            raise LineError(piece.line, "a rounded file has no sha256 lines")
        room -= heading.size
        values = read_values(heading, source, heading.nbytes <= keep)
        keep -= 0 if values.array is None else heading.nbytes
        parts.append(_ReadTensor(heading._replace(next=heading.next._replace(text=b"")), values))
        piece = _next_piece(source)
    if piece is not None and piece.text.startswith(b"@"):
        if texts:
            raise LineError(piece.line, "@ lines before the tensors and after them")
        texts, piece = _read_texts(piece, source)
    _require_end(piece, parts, source)
    return _Head(texts, precision), parts


def _has_end(file: StoredFile) -> bool:
    """Return whether the last line that is not blank is the trailer; if not, the file is cut short."""
    with contextlib.suppress(UnsafeFileError):
        tail = file.read(max(file.size - _TAIL, 0), min(file.size, _TAIL)).tobytes()
        last = tail.decode("ascii", "replace").rstrip().rpartition("\n")[2]
        return grammar.TRAILER.fullmatch(last) is not None
    return True


def _next_piece(source: Iterator[Piece]) -> Piece | None:
    """Return the next piece that is neither a comment nor blank."""
    for piece in source:
        if not piece.text.startswith(b"#") and not piece.text.isspace():
            return piece
    return None


def _read_texts(piece: Piece | None, source: Iterator[Piece]) -> tuple[dict[str, Any], Piece | None]:
    """Return the JSON object of the @ lines, which begin with `piece`, and the piece after them."""
    lines: list[bytes] = []
    size, line = 0, 0 if piece is None else piece.line
    while piece is not None and piece.text.startswith(b"@"):
        lines.append(piece.text[1:])
        size += len(piece.text)
        if size > _MAX_HEAD:
            raise LineError(piece.line, f"more than {_MAX_HEAD} bytes of @ lines")
        piece = _next_piece(source)
    try:
        texts = strict_json.loads(b"\n".join(lines), lone=True) if lines else {}
    except ValueError as error:
        if piece is None:
            raise ValueError(_CUT) from error
        raise LineError(line, f"the @ lines from here on: {error}") from error
    if not isinstance(texts, dict):
        raise LineError(line, "the @ lines are not one JSON object")
    for name in (*JSON_FIELDS, "kinds"):
        if not isinstance(texts.get(name, {}), dict):
            raise LineError(line, f"{name} in the @ lines is not a JSON object")
    return texts, piece


def _read_precision(piece: Piece | None, source: Iterator[Piece]) -> tuple[int | None, Piece | None]:
    """Return the digits of a rounded file, None for an exact one, and the next piece."""
    if piece is not None and (match := grammar.PRECISION.fullmatch(piece.text.decode("ascii", "replace"))):
        return int(match[1]), _next_piece(source)
    return None, piece


def _require_end(piece: Piece | None, parts: list[_ReadTensor], source: Iterator[Piece]) -> None:
    trailer = None if piece is None else grammar.TRAILER.fullmatch(piece.text.decode("ascii", "replace"))
    if piece is None or trailer is None:
        raise ValueError(_CUT)
    tensors, numbers = len(parts), sum(part.heading.size for part in parts)
    if (int(trailer[1]), int(trailer[2])) != (tensors, numbers):
        raise LineError(piece.line, f"expected {trailer[1]} tensors, {trailer[2]} numbers; found {tensors}, {numbers}")
    after = next((piece for piece in source if piece.text and not piece.text.isspace()), None)
    if after is not None:
        raise LineError(after.line, "the file continues after its end")


def _read_kinds(texts: dict[str, Any], headings: list[TensorHeading]) -> list[str]:
    kinds = ["optimizer" if heading.role == "slot" else "parameter" for heading in headings]
    for kind, indices in texts.get("kinds", {}).items():
        if kind not in KINDS or not isinstance(indices, list):
            raise ValueError(f"kinds in the @ lines: expected lists for {', '.join(KINDS)}, got {printable(kind, 30)}")
        for index in indices:
            if type(index) is not int or not 0 <= index < len(kinds):
                raise ValueError(f"kinds in the @ lines: no tensor {printable(json.dumps(index), 30)} for {kind}")
            kinds[index] = kind
    return kinds


def _build_weight_file(file: StoredFile, head: _Head, parts: list[_ReadTensor], kinds: list[str]) -> WeightFile:
    tensors = []
    for part, kind in zip(parts, kinds, strict=True):
        h, array = part.heading, part.values.array
        read = functools.partial(_read_again, file, part) if array is None else functools.partial(_return, array)
        tensors.append(Tensor(h.name, h.layer, kind, h.role, h.axes, h.dtype, h.shape, read))
    metadata = head.texts.get("metadata", {})
    if head.precision is not None:
        metadata = metadata | {ROUNDED: head.precision}
    edited = tuple(p.heading.name for p in parts if p.values.sha256 != p.heading.sha256 and head.precision is None)
    unknown = sorted(head.texts.keys() - {*JSON_FIELDS, "kinds"})
    not_read = tuple(
        NotRead(f"{printable(name, 60)} in the @ lines", 1, "not part of the format", weights=False) for name in unknown
    )
    texts = (head.texts.get("architecture"), metadata, head.texts.get("position"))
    return WeightFile(tuple(tensors), *texts, edited, not_read, str(file.path))


def _return(array: Array) -> Array:
    return array


def _read_again(file: StoredFile, part: _ReadTensor) -> Array:
    with faults_of(file.path, NAME), file.open() as stream:
        stream.seek(part.heading.next.offset)
        source = split_pieces(stream, part.heading.next.line)
        values = read_values(part.heading._replace(next=next(source)), source, keep=True)
    assert values.array is not None  # noqa: S101 (for the type checker)
    return values.array
