"""CSV tables of images that are no such tables, unpack to too much, or hold numbers in other writings."""

import gzip
import os
from collections.abc import Callable
from pathlib import Path

from hostile.case import Case

_HEAD = b"label,pixel0,pixel1,pixel2,pixel3\n"
_GOOD = _HEAD + b"0,1,2,3,4\n1,5,6,7,8\n"


def _row(cell: bytes, label: bytes = b"0") -> bytes:
    return _HEAD + b"1,5,6,7,8\n" + label + b",1," + cell + b",3,4\n"


def _write_holes(path: Path) -> None:
    path.write_bytes(_GOOD)
    os.truncate(path, 2**40)


def _fill(content: bytes | Callable[[], bytes], suffix: str = "") -> Callable[[Path], object]:
    def write(path: Path) -> None:
        built = content if isinstance(content, bytes) else content()
        path.write_bytes(gzip.compress(built, 1, mtime=0) if suffix else built)

    return write


def _case(name: str, about: str, content: bytes | Callable[[], bytes], *statuses: int, suffix: str = "") -> Case:
    return Case(f"csv_{name}.csv{suffix}", "data", about, _fill(content, suffix), statuses or (2,))


def _packed(name: str, about: str, content: bytes) -> Case:
    return Case(f"csv_packed_{name}.csv.gz", "data", about, _fill(content))


def _number(name: str, text: bytes, *statuses: int) -> Case:
    return _case(f"cell_{name}", f"a pixel written {text[:20]!r}", _row(text), *statuses)


def _label(name: str, text: bytes, *statuses: int) -> Case:
    return _case(f"label_{name}", f"a label written {text[:20]!r}", _row(b"2", text), *statuses)


CASES = (
    _case("good", "nothing is wrong", _GOOD, 0),
    _case("bom", "a byte order mark", b"\xef\xbb\xbf" + _GOOD, 0),
    _case("crlf", "lines of Windows", _GOOD.replace(b"\n", b"\r\n"), 0),
    _case("cr", "lines of an old Macintosh", _GOOD.replace(b"\n", b"\r")),
    _case("utf16", "UTF-16", _GOOD.decode().encode("utf-16")),
    _case("empty", "an empty file", b""),
    _case("header_alone", "a header alone", _HEAD),
    _case("no_header", "no header", _GOOD.removeprefix(_HEAD)),
    _case("no_label", "no column label", _GOOD.replace(b"label", b"klass")),
    _case("two_labels", "two columns label", _GOOD.replace(b"pixel0", b"label")),
    _case("semicolons", "separated by semicolons", _GOOD.replace(b",", b";")),
    _case("not_square", "3 pixels", b"label,pixel0,pixel1,pixel2\n0,1,2,3\n"),
    _case("order", "pixels in another order", _GOOD.replace(b"pixel1,pixel2", b"pixel2,pixel1")),
    _case("twice", "a pixel twice", _GOOD.replace(b"pixel2", b"pixel1")),
    _case("grid_large", "a grid of 999999 x 999999 in one column", b"label,999999x999999\n0,1\n"),
    _case("row_short", "a row that lacks a cell", _HEAD + b"0,1,2,3,4\n1,5,6,7\n"),
    _case("row_long", "a row with a cell too many", _HEAD + b"0,1,2,3,4\n1,5,6,7,8,9\n"),
    _case("row_cut", "a last row that is cut within a number", _GOOD[:-4]),
    _case("blank_row", "an empty row between rows", _HEAD + b"0,1,2,3,4\n\n1,5,6,7,8\n"),
    _case("blank_end", "empty rows at the end", _GOOD + b"\n\n", 0),
    _case("nul", "a zero byte in a number", _row(b"2\x00")),
    _case("nul_row", "a row of zero bytes", _GOOD + b"\0" * 4096),
    _case("high", "bytes that are no UTF-8", _row(b"\xff\xfe")),
    _case("control", "a control sequence for terminals", _row(b"\x1b[2J\x1b]0;x\x07")),
    _case("formula", "a formula", _row(b"=cmd|' /C calc'!A0")),
    _number("nan", b"nan"), _number("infinity", b"inf"), _number("minus_infinity", b"-Infinity"),
    _number("huge", b"1e400"), _number("denormal", b"1e-400", 0), _number("underscore", b"1_0"),
    _number("full_width", "１".encode()), _number("arabic", "٣".encode()), _number("superscript", "²".encode()),
    _number("hex", b"0x10"), _number("octal", b"0o7"), _number("plus", b"+1"), _number("minus", b"--1"),
    _number("point", b"."), _number("comma", b"1.0.0"), _number("exponent", b"1e"), _number("blank", b" 1"),
    _number("quoted", b'"1"'), _number("quote_open", b'"1'), _number("empty", b""), _number("true", b"True"),
    _number("none", b"None"), _number("complex", b"1j"), _number("fortran", b"1d3"), _number("fraction", b"1/2"),
    _number("long", b"1" * 400), _number("very_long", b"9" * 1_000_000), _number("zeros", b"0" * 100_000 + b"1", 0, 2),
    _number("long_fraction", b"0." + b"1" * 100_000, 0, 2), _number("float32", b"1e39"),
    _label("negative", b"-1"), _label("fraction", b"0.5"), _label("large", b"1e300"), _label("stray", b"1099511627776"),
    _label("nan", b"nan"), _label("word", b"cat"), _label("empty", b""), _label("point", b"1.0", 0),
    _case("line", "30 MB of one line", lambda: b"label," + b"x" * 30_000_000),
    _case("line_row", "40 MB of one row", lambda: _HEAD + b"1" * 40_000_000),
    _case("commas", "a header of 3 million commas", lambda: b"label" + b"," * 3_000_000 + b"\n"),
    _case("columns", "a million columns, one row", lambda: b"label," + b",".join(b"pixel%d" % n for n in range(1_000_000)) + b"\n0" + b",7" * 1_000_000 + b"\n", 0),
    _case("zeros", "20 MB of zero bytes", lambda: bytes(20_000_000)),
    Case("csv_holes.csv", "data", "1 TiB of holes", _write_holes),
    _case("table", "a table of other columns", b"a,b\n1,2\n3.5,4\n", 0, 2),
    _case("table_words", "a word among numbers", b"a,b\n1,2\n3.5,x\n"),
    _case("table_nan", "NaN in a table", b"a,b\n1,2\nnan,4\n"),
    _case("table_quote", "a quotation mark that 8 MB do not close", b'a,b\n1,"2\n' + b"3,4\n" * 2_000_000),
    _case("table_wide", "a row of 2 million cells", b"a,b\n1,2\n" + b"1," * 2_000_000 + b"\n"),
    _case("table_zero", "a zero byte", b"a,b\n1,2\n3,\0\n"),
    _case("table_escape", "control characters in names and cells", b"a,\x1b[2J\n1,\x1b[31m\n"),
    _case("files_out", "a picture outside of the folder", b"file,label\n../../etc/passwd.png,0\n"),
    _case("files_absolute", "a picture by a path from the root", b"file,label\n/etc/passwd.png,0\n"),
    _case("files_zero", "a path with control characters", b"file,label\n\x1b[2J.png,0\n"),
    _case("files_missing", "a picture that is not there", b"file,label\nnone.png,0\n"),
    _case("packed", "packed", _GOOD, 0, suffix=".gz"),
    _case("packed_words", "3 million different words packed",
          lambda: b"a,label\n" + b"".join(b"1,%x\n" % n for n in range(3_000_000)), suffix=".gz"),
    _case("packed_bomb", "a line of 100 MB packed", lambda: b"label," + b"1" * 100_000_000, suffix=".gz"),
    _case("packed_commas", "60 MB of commas packed", lambda: b"label" + b"," * 60_000_000 + b"\n", suffix=".gz"),
    _case("packed_rows", "7 million rows packed", lambda: _HEAD + b"0,1,2,3,4\n" * 7_000_000, suffix=".gz"),
    _packed("cut", "packed and cut", gzip.compress(_GOOD, mtime=0)[:-9]),
    _packed("more", "something after the packed file", gzip.compress(_GOOD, mtime=0) + b"x"),
)  # fmt: skip
