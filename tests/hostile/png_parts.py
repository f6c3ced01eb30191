"""Parts of PNG files, put together wrong on purpose."""

import struct
import zlib
from functools import cache
from pathlib import Path

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PIECE = 1 << 20


@cache
def pack_zeros(size: int) -> bytes:
    """Return `size` zero bytes as a zlib stream, without holding them."""
    whole = zlib.compressobj(9, zlib.DEFLATED, -15)
    piece = whole.compress(b"\0" * _PIECE) + whole.flush(zlib.Z_FULL_FLUSH)
    rest = zlib.compressobj(9, zlib.DEFLATED, -15)
    end = rest.compress(b"\0" * (size % _PIECE)) + rest.flush()
    return b"\x78\xda" + piece * (size // _PIECE) + end + struct.pack(">I", (size % 65521) << 16 | 1)


def chunk(kind: bytes, data: bytes = b"", crc: int | None = None, length: int | None = None) -> bytes:
    """Return a chunk, its checksum and length right unless given."""
    checksum = zlib.crc32(kind + data) if crc is None else crc
    return struct.pack(">I", len(data) if length is None else length) + kind + data + struct.pack(">I", checksum)


def header(width: int, height: int, depth: int = 8, colour: int = 0, rest: bytes = b"\0\0\0") -> bytes:
    """Return the chunk IHDR; colour 0 grey, 2 RGB, 3 palette, 4 grey with alpha, 6 RGBA."""
    return chunk(b"IHDR", struct.pack(">IIBB", width, height, depth, colour) + rest)


def pixels(size: int) -> bytes:
    """Return the chunk IDAT of `size` zero bytes."""
    return chunk(b"IDAT", pack_zeros(size))


def write(path: Path, *chunks: bytes) -> None:
    """Write a PNG of these chunks, and IEND."""
    path.write_bytes(SIGNATURE + b"".join(chunks) + chunk(b"IEND"))
