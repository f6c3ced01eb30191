"""Finds the directory of a zip by the record at its end; from 4 GiB on, a second record has wider numbers."""

import struct
from typing import BinaryIO, NamedTuple

from cnnkit.files.unsafe_file import UnsafeFileError

_END, _END64, _LOCATOR = struct.Struct("<4s4H2IH"), struct.Struct("<4sQ2H2I4Q"), struct.Struct("<4sIQI")
_MAX_BYTES = 64 << 20
_ENTRY = 46


class Directory(NamedTuple):
    """Where the central directory lies and how many members it lists."""

    members: int
    start: int
    size: int


def find_directory(stream: BinaryIO, size: int) -> Directory:
    """Return the directory of a zip of `size` bytes. Raises UnsafeFileError when there is none, or more than one."""
    length = min(size, _END.size + 0xFFFF)
    stream.seek(size - length)
    tail = stream.read(length)
    at = len(tail) - _END.size
    if at < 0 or tail[at : at + 4] != b"PK\5\6" or tail[-2:] != b"\0\0":
        at = tail.rfind(b"PK\5\6")
    end = tail[at : at + _END.size] if at >= 0 else b""
    if len(end) < _END.size or at + _END.size + int.from_bytes(end[-2:], "little") != len(tail):
        raise UnsafeFileError("truncated zip: its directory, at the end, is missing")
    _, disk, first, here, members, bytes_, start, _ = _END.unpack(end)
    stop = size - length + at
    directory = Directory(members, start, bytes_)
    wide = _find_wide(stream, stop)
    if wide is not None:
        stop, wider = wide
        if any(n not in (full, w) for n, full, w in zip(directory, (0xFFFF, 2**32 - 1, 2**32 - 1), wider, strict=True)):
            raise UnsafeFileError("damaged zip: its two end records disagree", "refused")
        here, directory = here if here != 0xFFFF else wider.members, wider
    if (disk, first) != (0, 0) or here != directory.members:
        raise UnsafeFileError("a zip of several parts", "refused")
    if directory.start + directory.size != stop or directory.size < _ENTRY * directory.members:
        raise UnsafeFileError("damaged zip: its directory does not end where it should", "refused")
    if directory.size > _MAX_BYTES:
        raise UnsafeFileError(f"a zip directory of {directory.size} bytes, more than {_MAX_BYTES}", "too_big")
    return directory


def _find_wide(stream: BinaryIO, stop: int) -> tuple[int, Directory] | None:
    """Return (offset, directory) of the 64-bit end record before `stop`, or None."""
    if stop < _LOCATOR.size + _END64.size:
        return None
    stream.seek(stop - _LOCATOR.size)
    mark, disk, offset, disks = _LOCATOR.unpack(stream.read(_LOCATOR.size))
    if mark != b"PK\6\7":
        return None
    stream.seek(min(offset, stop))
    record = stream.read(_END64.size)
    if len(record) == _END64.size:
        mark, length, _, _, here, first, count, members, size, start = _END64.unpack(record)
        whole = mark == b"PK\6\6" and offset + 12 + length + _LOCATOR.size == stop
        if whole and (disk, here, first) == (0, 0, 0) and disks <= 1 and count == members:
            return offset, Directory(members, start, size)
    raise UnsafeFileError("damaged zip: its 64-bit end record", "refused")
