"""CSV with one image per line, as Kaggle distributes MNIST: a header with a column `label`, then strict numbers."""

import gzip
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
import numpy.typing as npt

from cnnkit.data.assembly import RawSplit, assemble
from cnnkit.data.csv_header import CsvHeader, parse_header
from cnnkit.data.dataset import Dataset
from cnnkit.data.packed_file import open_unpacked
from cnnkit.data.refusal import LABEL_BYTES, refuse, require_affordable
from cnnkit.files.names import printable

BLOCK = 4 << 20
FREE_TEXT = 24 << 20  # of a packed table: its numbers take more time and memory than other files
_BLANK = b"\r\n\t "
LONGEST_LINE = 32 << 20  # of one row of pixels
_WHOLE = rb"-?[0-9]+"
_LARGEST = float(np.finfo(np.float32).max)
_NUMBER = _WHOLE + rb"(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?"


class CsvArrays(NamedTuple):
    """Images (N, H, W), uint8 or float32, labels (N,), and how the text of the pixels was understood.

    Labels are int64, or float64 where one of them is not written as a whole number.
    """

    images: npt.NDArray[Any]
    labels: npt.NDArray[Any]
    understood: str


def read_csv(name: str, path: Path) -> Dataset:
    """Return the data set in a CSV file, plain or gzipped; it has no test split.

    The text decides: pixels that are all written as whole numbers in 0..255 are bytes, which are scaled by 1/255;
    where one has a decimal point or an exponent (1.0), all are floats, which are not scaled.

    Raises DataError that names the line, on anything but plain decimal numbers and on rows of another length.
    """
    images, labels, understood = read_csv_arrays(path)
    raw = RawSplit(images, labels, str(path), f"{path}: label")
    return assemble(name, raw, notes=(f"{printable(name, 400)}: {understood}",))


def read_csv_arrays(path: Path) -> CsvArrays:
    """Return images and labels of a CSV file.

    Raises DataError as `read_csv`.
    """
    with open_unpacked(path) as (file, packed_bytes):
        return _read(str(path), file, packed_bytes)


def _read(where: str, file: BinaryIO | gzip.GzipFile, packed: int | None) -> CsvArrays:
    first = file.readline(LONGEST_LINE)
    header = parse_header(where, first)
    images: list[npt.NDArray[Any]] = []
    labels: list[npt.NDArray[Any]] = []
    line, decimal, floats = 2, None, False  # decimal: first line with a pixel that is not written as a whole number
    for block in _without_blank_end(_blocks(where, file, packed)):
        rows = _parse(where, block, header, line)
        floats = floats or _has_decimal_label(block, header)
        if decimal is None:
            decimal = _find_decimal(block, header, line)
        labels.append(_narrow(rows[:, header.label]))
        pixels = np.delete(rows, header.label, axis=1)
        small = decimal is None and bool(((pixels >= 0) & (pixels <= 255)).all())
        images.append(pixels.astype(np.uint8 if small else np.float32))
        line += len(rows)
    if not images:
        raise refuse(f"{where}, line 2", "at least one image", "the end of the file")
    grids = np.concatenate(images).reshape(-1, header.height, header.width)
    numbers = np.concatenate(labels)
    exact = not floats and bool((numbers < 1 << 53).all())  # larger ones are no classes, and refused as such later
    return CsvArrays(grids, numbers.astype(np.int64 if exact else np.float64), describe_pixels(grids, decimal))


def _narrow(labels: npt.NDArray[np.float64]) -> npt.NDArray[Any]:
    """Return a copy of whole labels, in half the bytes where they allow it."""
    return labels.astype(np.int32 if bool((labels < 1 << 31).all()) else np.float64)


def describe_pixels(images: npt.NDArray[Any], decimal: int | None) -> str:
    """Return how pixels were understood, and what to write for the other reading where it may have been meant.

    decimal: the line of the first one that is not written as a whole number, None without such
    """
    low, high = f"{images.min():g}", f"{images.max():g}"
    if images.dtype == np.uint8:
        other = " (write 1.0 for pixels that need no scaling)" if int(images.max()) <= 1 else ""
        return f"pixels are whole numbers, {low} to {high}: scaled by 1/255{other}"
    if decimal is None:
        return f"pixels are whole numbers, {low} to {high}, beyond 0..255: not scaled"
    other = " (write whole numbers for bytes, which are scaled by 1/255)" if 1 < images.max() <= 255 else ""
    return f"pixels are decimal numbers (line {decimal}), {low} to {high}: not scaled{other}"


def _find_decimal(block: bytes, header: CsvHeader, first_line: int) -> int | None:
    """Return the first line with a pixel that is not written as a whole number, None if there is none."""
    if not block.translate(None, b"0123456789,-\n"):
        return None
    before, after = header.label, header.columns - header.label - 1
    whole = re.compile(rb"(?:%s,){%d}%s(?:,%s){%d}" % (_WHOLE, before, _NUMBER, _WHOLE, after))
    lines = enumerate(block.split(b"\n"), first_line)
    return next((number for number, text in lines if whole.fullmatch(text) is None), None)


def _has_decimal_label(block: bytes, header: CsvHeader) -> bool:
    if not block.translate(None, b"0123456789,-\n"):
        return False
    at = header.label
    return any(text.split(b",", at + 1)[at].translate(None, b"0123456789-") for text in block.split(b"\n"))


def _blocks(where: str, file: BinaryIO | gzip.GzipFile, packed: int | None) -> Iterator[bytes]:
    """Yield the rest of the file as blocks of whole lines, without the last line's end."""
    rest, total = b"", 0
    while block := file.read(BLOCK):
        total += len(block) + LABEL_BYTES * block.count(b"\n")
        if packed is not None:
            require_affordable(where, total, packed, FREE_TEXT)
        lines, newline, rest = (rest + block).rpartition(b"\n")
        if newline:
            yield lines.replace(b"\r\n", b"\n").removesuffix(b"\r")
        elif len(rest) > LONGEST_LINE:
            raise refuse(where, f"lines of at most {LONGEST_LINE} bytes", "a longer one")
    if rest:
        yield rest.removesuffix(b"\r")


def _without_blank_end(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the blocks without the blank lines at the very end, which are no rows; blank lines between rows stay."""
    held: list[bytes] = []  # blank lines that are rows, wrong ones, if another line follows
    for block in blocks:
        end = block.find(b"\n", len(block.rstrip(_BLANK)))
        if not block.strip(_BLANK):
            held.append(block)
            continue
        yield b"\n".join([*held, block if end < 0 else block[:end]])
        held = [] if end < 0 else [block[end + 1 :]]


def _parse(where: str, block: bytes, header: CsvHeader, first_line: int) -> npt.NDArray[np.float64]:
    """Return the numbers of whole lines, (rows, columns), after a check that every cell is a plain decimal number."""
    if not _is_plain(block, header):
        row = re.compile(_NUMBER + rb"(?:,%s){%d}" % (_NUMBER, header.columns - 1))
        for number, text in enumerate(block.split(b"\n"), first_line):
            if row.fullmatch(text) is None:
                raise _wrong_line(f"{where}, line {number}", text, header)
    values = np.fromstring(block.replace(b"\n", b","), np.float64, sep=",").reshape(-1, header.columns)
    labels = values[:, header.label]
    wrong = ~(np.abs(values) <= _LARGEST).all(axis=1) | (labels < 0) | (labels != np.trunc(labels))
    if wrong.any():
        at = int(np.argmax(wrong))
        beyond = np.delete(values[at], header.label)
        got = f"label {labels[at]:g}" if (np.abs(beyond) <= _LARGEST).all() else "a number too large for float32"
        raise refuse(f"{where}, line {first_line + at}", "finite pixels and a label of 0, 1, 2, ...", got)
    return values


def _is_plain(block: bytes, header: CsvHeader) -> bool:
    """Return whether the lines are right by counting: digits and commas alone, no comma beside another or at an end."""
    if block.translate(None, b"0123456789,\n") or b",," in block or b",\n" in block or b"\n," in block:
        return False
    if block[:1] in (b"", b",") or block[-1:] == b",":
        return False
    characters = np.frombuffer(block, np.uint8)
    ends = np.append(np.flatnonzero(characters == ord("\n")), len(characters))
    commas = np.searchsorted(np.flatnonzero(characters == ord(",")), ends)
    return bool((np.diff(commas, prepend=0) == header.columns - 1).all())


def _wrong_line(where: str, text: bytes, header: CsvHeader) -> Exception:
    cells = text.split(b",")
    if len(cells) != header.columns:
        return refuse(where, f"{header.columns} cells as in line 1", "an empty line" if not text else f"{len(cells)}")
    at = next(i for i, cell in enumerate(cells) if re.fullmatch(_NUMBER, cell) is None)
    shown = printable(cells[at].decode("utf-8", "replace"), 40)
    hint = ""
    if b'"' in cells[at]:
        hint = "write numbers without quotes"
    elif at == header.label and cells[at]:
        hint = "number the classes 0, 1, 2, ..."
    return refuse(f"{where}, cell {at + 1}", "a decimal number", f"{shown!r}" if cells[at] else "an empty cell", hint)
