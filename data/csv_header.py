"""The first line of a CSV of images: which column is the label, and how the others form an image."""

import math
import re
from dataclasses import dataclass

from cnnkit.data.refusal import refuse
from cnnkit.files.names import printable

_HINT = "the first line must name the columns: label,pixel0,pixel1,... or label,1x1,1x2,..."
MOST_COLUMNS = (1 << 20) + 1  # images of 1024 x 1024
LABEL = "label"
_PIXEL = re.compile(r"pixel[0-9]{1,7}|[0-9]{1,6}x[0-9]{1,6}")
_FIRST = {"pixel0", "pixel1", "0x0", "1x1"}
_SEPARATE = "separate the columns by commas"


@dataclass(frozen=True)
class CsvHeader:
    """Columns of a table; each row holds one image and its label."""

    columns: int
    label: int  # position of the label's column
    height: int
    width: int


def parse_header(where: str, line: bytes) -> CsvHeader:
    """Return the meaning of the first line: one column `label`, anywhere; the others are pixels, row by row.

    pixel0... and pixel1... make square images; 1x1,1x2,... (row x column, from 0 or 1) images of any size.

    Raises DataError on anything else.
    """
    if line.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise refuse(f"{where}, line 1", "text in UTF-8", "UTF-16", "save it as CSV in UTF-8")
    require_columns(where, line)
    text = line.decode("utf-8-sig", "replace").strip()
    names = [name.strip().strip('"') for name in text.split(",")]
    if names.count(LABEL) != 1:
        got = printable(",".join(names[:4]), 60) or "an empty line"
        raise refuse(f"{where}, line 1", "one column called label", got, _SEPARATE if _is_other(text) else _HINT)
    if "\r" in text:
        raise refuse(f"{where}, line 1", "lines that end in LF or CR LF", "lines that end in CR", "save it again")
    pixels = [name for name in names if name != LABEL]
    height, width = _grid(pixels) or _square(where, pixels)
    return CsvHeader(len(names), names.index(LABEL), height, width)


def require_columns(where: str, line: bytes) -> None:
    """Raise DataError for a first line of more columns than an image has pixels, before it is taken apart."""
    columns = line.count(b",") + 1
    if columns > MOST_COLUMNS:
        raise refuse(f"{where}, line 1", f"at most {MOST_COLUMNS} columns", f"{columns}", _HINT)


def find_grid(where: str, names: list[str]) -> tuple[int, int] | None:
    """Return (height, width) of images whose pixels have these names, row by row; None where they name no pixels.

    Raises DataError for names of pixels that make no image.
    """
    if not has_pixels(names):
        return None
    return _grid(names) or _square(where, names)


def has_pixels(names: list[str]) -> bool:
    """Return whether a column is named as the first pixel of an image is, or all but the label as pixels are."""
    others = [name for name in names if name != LABEL]
    return any(name in _FIRST for name in others) or (bool(others) and all(map(_PIXEL.fullmatch, others)))


def _is_other(text: str) -> bool:
    """Return whether the first line names its columns with another separator than a comma."""
    return bool(re.match(r'"?(label|pixel[01]|[01]x[01])"?[;\t| ]', text))


def _square(where: str, pixels: list[str]) -> tuple[int, int]:
    first = 1 if pixels[:1] == ["pixel1"] else 0
    for at, name in enumerate(pixels):
        if name != f"pixel{at + first}":
            got, hint = printable(name, 60), _HINT
            if not name:
                got, hint = "a column without a name", "leave the index out: DataFrame.to_csv(FILE, index=False)"
            raise refuse(f"{where}, line 1", f"the column pixel{at + first}", got, hint)
    side = math.isqrt(len(pixels))
    if side * side != len(pixels) or not pixels:
        raise refuse(
            f"{where}, line 1", "a square number of pixels", f"{len(pixels)}", "name them 1x1,1x2,... by row and column"
        )
    return side, side


def _grid(pixels: list[str]) -> tuple[int, int] | None:
    last = re.fullmatch(r"([0-9]{1,6})x([0-9]{1,6})", pixels[-1]) if pixels else None
    if last is None:
        return None
    first = 0 if pixels[0] == "0x0" else 1
    height, width = int(last[1]) + 1 - first, int(last[2]) + 1 - first
    if height * width != len(pixels):
        return None
    rows, columns = range(first, height + first), range(first, width + first)
    return (height, width) if pixels == [f"{r}x{c}" for r in rows for c in columns] else None
