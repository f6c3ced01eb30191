"""Writes zip files: the same members give the same bytes, and their contents begin at multiples of 64."""

import struct
import zlib
from collections.abc import Iterable
from typing import BinaryIO

_ALIGNMENT = 64
_WIDE = 0xFFFFFFFF  # from here on, numbers take 64 bits, in an extra field
_FULL = 0xFFFFFFFF
_DATE = 0x21  # the first day that a zip knows: 1 January 1980


class ZipWriter:
    """Writes members into an open, empty, seekable binary file; `finish` writes the directory."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._entries: list[bytes] = []

    def add(self, name: str, parts: Iterable[bytes | memoryview], size: int, level: int = 0) -> None:
        """Append a member of `size` bytes, deflated at `level` from 1 to 9, or stored at 0.

        Raises UnicodeEncodeError for a name with a lone surrogate, ValueError when the parts are not `size` bytes.
        """
        stream, offset = self._stream, self._stream.tell()
        try:
            raw, flags = name.encode("ascii"), 0
        except UnicodeEncodeError:
            raw, flags = name.encode(), 0x0800
        wide, method = size >= _WIDE // 2, 8 if level else 0
        room = bytes(20) if wide else b""
        begin = offset + 30 + len(raw) + len(room)
        pad = -(begin + 4) % _ALIGNMENT
        extra = struct.pack("<HH", 0x4246, pad) + bytes(pad)
        stream.write(bytes(30) + raw + room + extra)
        crc, total, stored = _copy(stream, parts, level)
        if total != size:
            raise ValueError(f"member {name!r}: expected {size} bytes, got {total}")
        end = stream.tell()
        sizes = (_FULL, _FULL) if wide else (stored, size)
        head = (45 if wide else 20, flags, method, 0, _DATE, crc, *sizes, len(raw), len(room) + len(extra))
        stream.seek(offset)
        stream.write(struct.pack("<4s5H3I2H", b"PK\3\4", *head) + raw)
        if wide:
            stream.write(struct.pack("<HHQQ", 1, 16, size, stored))
        stream.seek(end)
        self._entries.append(_make_entry(raw, flags, method, crc, stored, size, offset))

    def finish(self) -> None:
        """Write the directory."""
        start, count = self._stream.tell(), len(self._entries)
        self._stream.writelines(self._entries)
        size = self._stream.tell() - start
        if start >= _WIDE or size >= _WIDE or count >= 0xFFFF:
            record = (b"PK\6\6", 44, 0x032D, 45, 0, 0, count, count, size, start)
            self._stream.write(struct.pack("<4sQ2H2I4Q", *record))
            self._stream.write(struct.pack("<4sIQI", b"PK\6\7", 0, start + size, 1))
        count, size, start = min(count, 0xFFFF), _cap(size), _cap(start)
        self._stream.write(struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, count, count, size, start, 0))


def _copy(stream: BinaryIO, parts: Iterable[bytes | memoryview], level: int) -> tuple[int, int, int]:
    """Write the parts; return (checksum, bytes before, bytes after packing)."""
    crc = total = stored = 0
    fold = zlib.compressobj(level, zlib.DEFLATED, -15) if level else None
    for part in parts:
        crc, total = zlib.crc32(part, crc), total + len(part)
        stored += stream.write(part if fold is None else fold.compress(part))
    if fold is not None:
        stored += stream.write(fold.flush())
    return crc, total, stored


def _make_entry(raw: bytes, flags: int, method: int, crc: int, stored: int, size: int, offset: int) -> bytes:
    wide = [value for value in (size, stored, offset) if value >= _WIDE]
    extra = struct.pack(f"<HH{len(wide)}Q", 1, 8 * len(wide), *wide) if wide else b""
    head = (
        0x032D if wide else 0x0314,
        45 if wide else 20,
        flags,
        method,
        0,
        _DATE,
        crc,
        _cap(stored),
        _cap(size),
    )
    tail = (len(raw), len(extra), 0, 0, 0, 0o600 << 16, _cap(offset))
    return struct.pack("<4s6H3I5H2I", b"PK\1\2", *head, *tail) + raw + extra


def _cap(value: int) -> int:
    return _FULL if value >= _WIDE else value
