"""Indexed PNG images, one byte per pixel (W3C PNG, third edition): signature, IHDR, PLTE, tRNS, IDAT, IEND."""

import base64
import struct
import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Colour = tuple[int, int, int, int]


def data_uri(pixels: NDArray[np.uint8], palette: Sequence[Colour]) -> str:
    """Return pixels (H, W), indices into `palette` (red, green, blue, alpha), as a data URI."""
    return "data:image/png;base64," + base64.b64encode(encode(pixels, palette)).decode()


def encode(pixels: NDArray[np.uint8], palette: Sequence[Colour]) -> bytes:
    """Return pixels (H, W), indices into `palette` (red, green, blue, alpha), as a PNG file."""
    height, width = pixels.shape
    rows = np.zeros((height, width + 1), np.uint8)  # each row begins with its filter: none
    rows[:, 1:] = pixels
    parts = [
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)),
        (b"PLTE", bytes(part for colour in palette for part in colour[:3])),
        (b"tRNS", bytes(colour[3] for colour in palette)),
        (b"IDAT", zlib.compress(rows.data, 6)),
        (b"IEND", b""),
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(map(_pack_chunk, *zip(*parts, strict=True)))


def _pack_chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
