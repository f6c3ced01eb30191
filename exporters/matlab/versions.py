"""Which version of MAT-file a file is, by its first bytes."""

import re
import struct

from cnnkit.files.hdf5.mark import is_hdf5

HEADER = 128  # bytes before the first element of version 5
_NAME = re.compile(rb"[A-Za-z][A-Za-z0-9_]{0,62}\0")
_SIZES = (8, 4, 4, 2, 2, 1)  # bytes of a value of version 4 by its type: double, single, int32, int16, uint16, uint8
_FULL, _TEXT = 0, 1


def find_version(head: bytes, size: int) -> str | None:
    """Return "4", "5" or "7.3" for a file of `size` bytes that begins with `head`; None for anything else."""
    mark = head[124:128]
    if mark in (b"\x00\x01IM", b"\x01\x00MI"):
        return "5"
    if mark == b"\x00\x02IM" and is_hdf5(head):
        return "7.3"
    return "4" if any(_is_version_4(head, size, order) for order in "<>") else None


def find_order(head: bytes) -> str:
    """Return the byte order of a file of version 5, as `struct` and NumPy write it."""
    return "<" if head[126:128] == b"IM" else ">"


def _is_version_4(head: bytes, size: int, order: str) -> bool:
    """Return whether the first variable of version 4, which has no mark, is complete: type, extents, name, values."""
    if len(head) < 20:
        return False
    code, rows, columns, complex_, length = struct.unpack(f"{order}5i", head[:20])
    kind, form = divmod(code % 1000, 10)
    if code // 1000 != (0 if order == "<" else 1) or kind >= len(_SIZES) or form not in (_FULL, _TEXT, 2):
        return False
    if min(rows, columns) < 0 or complex_ not in (0, 1) or not 2 <= length <= 64:
        return False
    values = rows * columns * _SIZES[kind] * (1 + complex_)
    return _NAME.fullmatch(head[20 : 20 + length]) is not None and 20 + length + values <= size
