"""What Pillow does not check in a PNG: the checksums of its pixels, and that its palette exists."""

import struct
import zlib
from typing import BinaryIO

from cnnkit.data.picture_cost import MOST_READS
from cnnkit.data.refusal import refuse

_HEAD = struct.Struct(">I4s")
_BLOCK = 1 << 20
_PALETTE = 3  # the kind of colour


def require_sound_png(path: object, file: BinaryIO) -> None:
    """Raise DataError for a PNG with damaged pixels (CRC-32), or without the palette that they refer to.

    The file is read up to its end mark, and its position kept.
    """
    position = file.tell()
    file.seek(8)
    colours, palette, chunks = 0, 0, 0
    while len(head := file.read(8)) == 8:
        chunks += 1
        if chunks > MOST_READS:
            raise refuse(path, f"a PNG of at most {MOST_READS} chunks", "one of more", "save it again")
        size, kind = _HEAD.unpack(head)
        if kind == b"IEND":
            break
        if kind not in (b"IHDR", b"PLTE", b"IDAT"):
            file.seek(size + 4, 1)
            continue
        content = _check(path, file, kind, size)
        if kind == b"IHDR":
            colours = content[9]
        elif kind == b"PLTE":
            palette = size // 3
    if colours == _PALETTE and not palette:
        raise refuse(path, "a palette, to which the pixels refer", "none", "save it again")
    file.seek(position)


def _check(path: object, file: BinaryIO, kind: bytes, size: int) -> bytes:
    """Return the first bytes of a chunk whose checksum is right."""
    checksum, remaining, first = zlib.crc32(kind), size, b""
    while remaining:
        block = file.read(min(_BLOCK, remaining))
        if not block:
            raise refuse(path, "a complete picture", "one that is cut", "replace or remove it")
        checksum, remaining, first = zlib.crc32(block, checksum), remaining - len(block), first or block
    if file.read(4) != checksum.to_bytes(4, "big"):
        name = kind.decode("ascii")
        raise refuse(path, f"{name} with the checksum that is stored (CRC-32)", "another", "replace or remove it")
    return first
