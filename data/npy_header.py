"""The header of an NPY array, read without NumPy's unpickler: dtype, order, shape and the bytes that they take."""

import ast
import struct
from dataclasses import dataclass
from typing import Any

import numpy as np

from cnnkit.data.refusal import refuse

LONGEST = 10_000  # characters; NumPy writes about 120
_KEYS = {"descr", "fortran_order", "shape"}


@dataclass(frozen=True)
class NpyHeader:
    """What an NPY file says of its array."""

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


def read_npy_header(where: str, file: Any) -> NpyHeader:
    """Return the header at the start of the binary stream `file`, which is left at the first value.

    Raises DataError on anything but an array of booleans, integers or floats of at most 64 bits.
    """
    start = file.read(8)
    if start[:6] != b"\x93NUMPY" or len(start) < 8 or start[6] not in {1, 2, 3}:
        raise refuse(where, "an NPY array, versions 1 to 3", f"bytes {start[:8].hex() or '(none)'}")
    width, code = (2, "<H") if start[6] == 1 else (4, "<I")
    size = file.read(width)
    length = struct.unpack(code, size)[0] if len(size) == width else 0
    if not 0 < length <= LONGEST:
        raise refuse(where, f"an NPY header of 1 to {LONGEST} bytes", f"{length}")
    text = file.read(length)
    try:
        fields = ast.literal_eval(text.decode("latin-1"))
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        fields = None
    if len(text) < length or not isinstance(fields, dict) or fields.keys() != _KEYS:
        raise refuse(
            where, "an NPY header with descr, fortran_order and shape", "something else", "the file is damaged"
        )
    return NpyHeader(
        _dtype(where, fields["descr"]),
        fields["fortran_order"] is True,
        _shape(where, fields["shape"]),
        8 + width + length,
    )


def _dtype(where: str, descr: object) -> np.dtype[Any]:
    try:
        dtype = np.dtype(descr) if isinstance(descr, str) and len(descr) < 8 else None
    except (TypeError, ValueError):
        dtype = None
    if dtype is None or dtype.kind not in "biuf" or dtype.itemsize > 8:
        hint = "objects are pickles, which run code and are never opened" if "O" in str(descr) else ""
        raise refuse(where, "booleans, integers or floats of at most 64 bits", f"dtype {str(descr)[:40]!r}", hint)
    return dtype


def _shape(where: str, shape: object) -> tuple[int, ...]:
    if not isinstance(shape, tuple) or len(shape) > 32 or not all(type(size) is int and size >= 0 for size in shape):
        raise refuse(where, "a shape of whole numbers", f"{str(shape)[:40]!r}", "the file is damaged")
    return shape
