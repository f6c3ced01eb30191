"""PNG images (W3C PNG, third edition), with indexed colours, grey, or red, green and blue, 8 bits each."""

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


def photo_uri(pixels: NDArray[np.uint8]) -> str:
    """Return pixels (H, W, C), C 1 for grey and 3 for red, green and blue, as a data URI."""
    return "data:image/png;base64," + base64.b64encode(encode_photo(pixels)).decode()


def encode_photo(pixels: NDArray[np.uint8]) -> bytes:
    """Return pixels (H, W, C), C 1 for grey and 3 for red, green and blue, as a PNG file."""
    height, width, channels = pixels.shape
    return _write_file(height, width, 0 if channels == 1 else 2, [], pixels.reshape(height, width * channels))


def encode(pixels: NDArray[np.uint8], palette: Sequence[Colour]) -> bytes:
    """Return pixels (H, W), indices into `palette` (red, green, blue, alpha), as a PNG file."""
    colours = [
        (b"PLTE", bytes(part for colour in palette for part in colour[:3])),
        (b"tRNS", bytes(colour[3] for colour in palette)),
    ]
    height, width = pixels.shape
    return _write_file(height, width, 3, colours, pixels)


def _write_file(
    height: int, width: int, colour_type: int, colours: list[tuple[bytes, bytes]], samples: NDArray[np.uint8]
) -> bytes:
    """Return the file: signature, IHDR, chunks of colours, IDAT, IEND; samples: the bytes of each row."""
    rows = np.zeros((height, samples.shape[1] + 1), np.uint8)  # each row begins with its filter: none
    rows[:, 1:] = samples
    parts = [
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, colour_type, 0, 0, 0)),
        *colours,
        (b"IDAT", zlib.compress(rows.data, 6)),
        (b"IEND", b""),
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(map(_pack_chunk, *zip(*parts, strict=True)))


def _pack_chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
