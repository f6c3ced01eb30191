"""The header of an NPY array, read without NumPy's unpickler: dtype, order, shape and the bytes that they take."""

import re
import struct
from dataclasses import dataclass
from typing import Any

import numpy as np

LONGEST = 10_000  # characters; NumPy writes about 120
_BLANK = " \t\n\r\f"  # what Python takes for blanks in a program; \v is none, and other scripts have more
_KEYS = {"descr", "fortran_order", "shape"}
# One "key: value" of the dictionary: a text, a truth value, or brackets, whose content is checked later.
_VALUE = r"""'[^'\\]*'|"[^"\\]*"|True|False|\([^()]*\)|\[[^{}]*\]"""
_ITEM = re.compile(rf"""\s*(?:'([a-z_]+)'|"([a-z_]+)")\s*:\s*({_VALUE})\s*(,|(?=\}}))""", re.ASCII)
_DTYPE = re.compile(r"""['"]([<>|=]?[biufc][0-9]{1,2})['"]""")
_BYTES = {"b": (1,), "i": (1, 2, 4, 8), "u": (1, 2, 4, 8), "f": (2, 4, 8), "c": (8, 16)}


class NpyHeaderError(ValueError):
    """A header that cannot be used: expected, got, and a hint."""

    def __init__(self, expected: str, got: str, hint: str = "") -> None:
        super().__init__(f"expected {expected}, got {got}" + (f": {hint}" if hint else ""))
        self.expected, self.got, self.hint = expected, got, hint


class NpyTypeError(NpyHeaderError):
    """A valid header of elements that are not numbers; pickled: they are Python objects.

    header_bytes: where the elements, or the pickle of all, start.
    """

    def __init__(self, descr: str, header_bytes: int) -> None:
        self.pickled, self.header_bytes = "O" in descr, header_bytes
        hint = "objects are pickles, which run code and are never opened" if self.pickled else ""
        super().__init__("booleans, integers or floats of at most 64 bits", f"dtype {descr[:40]}", hint)


@dataclass(frozen=True, slots=True)
class NpyHeader:
    """The header of an NPY array."""

    dtype: np.dtype[Any]
    fortran_order: bool
    shape: tuple[int, ...]
    header_bytes: int  # where the values start

    @property
    def value_bytes(self) -> int:
        """Return numel * itemsize, in Python's integers, which do not overflow."""
        count = self.dtype.itemsize
        for size in self.shape:
            count *= size
        return count


def parse_npy_header(file: Any, complex_too: bool = False) -> NpyHeader:
    """Return the header at the start of the binary stream `file`, and leave the stream at the first value.

    Raises NpyHeaderError on anything but an array of booleans, integers or floats of at most 64 bits,
    or, with `complex_too`, of complex numbers of two such floats.
    """
    start = file.read(8)
    if start[:6] != b"\x93NUMPY" or len(start) < 8 or start[6] not in {1, 2, 3} or start[7]:
        raise NpyHeaderError("an NPY array, versions 1 to 3", f"bytes {start[:8].hex() or '(none)'}")
    width, code = (2, "<H") if start[6] == 1 else (4, "<I")
    size = file.read(width)
    length = struct.unpack(code, size)[0] if len(size) == width else 0
    if not 0 < length <= LONGEST:
        raise NpyHeaderError(f"an NPY header of 1 to {LONGEST} bytes", f"{length}")
    text = file.read(length)
    fields = _parse_fields(text.decode("latin-1")) if len(text) == length else {}
    if fields.keys() != _KEYS or fields["fortran_order"] not in {"True", "False"}:
        raise NpyHeaderError(
            "an NPY header with descr, fortran_order and shape", "something else", "the file is damaged"
        )
    header_bytes = 8 + width + length
    dtype = _parse_dtype(fields["descr"], complex_too, header_bytes)
    return NpyHeader(dtype, fields["fortran_order"] == "True", _parse_shape(fields["shape"]), header_bytes)


def _parse_fields(text: str) -> dict[str, str]:
    """Return {key: value as written} of a Python dictionary of three keys; {} for anything else."""
    text, fields, position = text.strip(_BLANK), {}, 1
    if "\v" in text:
        return {}
    while item := _ITEM.match(text, position):
        key = item[1] or item[2]
        if key in fields:
            return {}
        fields[key] = item[3]
        position = item.end()
    return fields if text[:1] == "{" and text[position:].strip(_BLANK) == "}" else {}


def _parse_dtype(descr: str, complex_too: bool, header_bytes: int) -> np.dtype[Any]:
    plain = _DTYPE.fullmatch(descr)
    if plain is not None:
        kind, size = plain[1].lstrip("<>|=")[0], int(plain[1].lstrip("<>|=")[1:])
        if size in _BYTES[kind] and (kind != "c" or complex_too):
            return np.dtype(plain[1])
    raise NpyTypeError(descr, header_bytes)


def _parse_shape(text: str) -> tuple[int, ...]:
    inside = text[1:-1].strip(_BLANK)
    extents = inside.removesuffix(",").split(",") if inside else []
    # A single number without its comma is a number in brackets, not a shape.
    good = text[0] == "(" and (len(extents) != 1 or inside.endswith(","))
    if (
        not good
        or len(extents) > 32
        or not all(re.fullmatch(r"\s*[0-9]{1,19}L?\s*", extent, re.ASCII) for extent in extents)
    ):
        raise NpyHeaderError("a shape of whole numbers", f"{text[:40]!r}", "the file is damaged")
    return tuple(int(extent.strip(_BLANK).removesuffix("L")) for extent in extents)
