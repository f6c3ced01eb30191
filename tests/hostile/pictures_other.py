"""Pictures in GIF, BMP, PPM and WebP, and in formats that are not read, that lie or unpack to too much."""

import io
import struct
from collections.abc import Callable
from functools import partial
from pathlib import Path

from hostile.case import Case

_PALETTE = b"\0\0\0\xff\xff\xff"


def _gif(width: int, height: int, frame: tuple[int, int, int, int], data: bytes, before: bytes = b"") -> bytes:
    """Return a GIF of two colours; frame: left, top, width, height; data: sub-blocks after the code size."""
    screen = b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + _PALETTE
    return screen + before + b"," + struct.pack("<HHHHB", *frame, 0) + data + b";"


def _flat_gif(width: int, height: int, before: bytes = b"") -> bytes:
    """Return a GIF of one colour, with blocks before its picture."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.new("L", (width, height), 9).save(buffer, "GIF")
    content = buffer.getvalue()
    start = 13 + 3 * (2 << (content[10] & 7))
    return content[:start] + before + content[start:]


_ROW = b"\2\2\x4c\1\0"  # the pixels 1 1, then the end
_COMMENT = b"!\xfe" + (b"\xff" + b"x" * 255)


def _bmp(
    width: int, height: int, bits: int, pixels: bytes, packing: int = 0, colours: int = 0, start: int = 54
) -> bytes:
    sizes = struct.pack("<IiiHHIIiiII", 40, width, height, 1, bits, packing, len(pixels), 0, 0, colours, 0)
    return b"BM" + struct.pack("<IHHI", 54 + len(pixels), 0, 0, start) + sizes + pixels


class _Bits:
    """Bits written from the lowest on."""

    def __init__(self) -> None:
        self.value = self.size = 0

    def add(self, value: int, size: int) -> "_Bits":
        self.value |= value << self.size
        self.size += size
        return self

    def to_bytes(self) -> bytes:
        return self.value.to_bytes(-(-self.size // 8) + 8, "little")


def _riff(*chunks: tuple[bytes, bytes], size: int | None = None) -> bytes:
    content = b"WEBP" + b"".join(k + struct.pack("<I", len(c)) + c + b"\0" * (len(c) % 2) for k, c in chunks)
    return b"RIFF" + struct.pack("<I", len(content) if size is None else size) + content


def _lossless(width: int, height: int) -> tuple[bytes, bytes]:
    """Return the chunk of a picture of one colour: no bits at all for a pixel."""
    bits = _Bits().add(0x2F, 8).add(width - 1, 14).add(height - 1, 14).add(0, 4).add(0, 3)
    for _ in range(5):
        bits.add(1, 1).add(0, 1).add(0, 1).add(0, 1)
    return b"VP8L", bits.to_bytes()


def _canvas(width: int, height: int, flags: int = 0) -> tuple[bytes, bytes]:
    return b"VP8X", bytes([flags, 0, 0, 0]) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")


def _frames(width: int, height: int, count: int) -> bytes:
    kind, data = _lossless(8, 8)
    frame = bytes(6) + (7).to_bytes(3, "little") * 2 + bytes(4) + kind + struct.pack("<I", len(data)) + data
    return _riff(_canvas(width, height, 2), (b"ANIM", bytes(6)), *[(b"ANMF", frame)] * count)


def _write(build: Callable[[], bytes], path: Path) -> None:
    path.write_bytes(build())


def _case(name: str, about: str, build: Callable[[], bytes], *statuses: int) -> Case:
    return Case(name, "image", about, partial(_write, build), statuses or (2,))


CASES = (
    _case("gif_screen.gif", "a screen of 65535 x 65535, a picture of 1 x 2", lambda: _gif(65535, 65535, (0, 0, 1, 2), _ROW)),
    _case("gif_frame.gif", "a picture larger than the screen", lambda: _gif(8, 8, (0, 0, 65535, 65535), _ROW)),
    _case("gif_beside.gif", "a picture beside the screen", lambda: _gif(8, 8, (60000, 60000, 1, 2), _ROW)),
    _case("gif_bomb.gif", "4000 x 4000 of one colour", lambda: _flat_gif(4000, 4000), 0, 2),
    _case("gif_cut.gif", "cut within the pixels", lambda: _flat_gif(64, 64)[:-9]),
    _case("gif_codes.gif", "codes of 200 bits", lambda: _gif(8, 8, (0, 0, 1, 2), b"\xc8\1\0\0")),
    _case("gif_no_picture.gif", "no picture", lambda: b"GIF89a" + struct.pack("<HHBBB", 8, 8, 0, 0, 0) + b";"),
    _case("gif_zero.gif", "0 x 0 pixels", lambda: _gif(0, 0, (0, 0, 0, 0), _ROW)),
    _case("gif_comments.gif", "a comment of 8 MB", lambda: _flat_gif(8, 8, _COMMENT[:2] + _COMMENT[2:] * 32_000 + b"\0"), 0, 2),
    _case("gif_comment_blocks.gif", "100,000 comments", lambda: _flat_gif(8, 8, b"!\xfe\1a\0" * 100_000), 0, 2),
    _case("gif_application.gif", "application data of 8 MB", lambda: _flat_gif(8, 8, b"!\xff" + _COMMENT[2:] * 32_000 + b"\0"), 0, 2),
    _case("gif_garbage.gif", "10 MB between the blocks", lambda: _flat_gif(8, 8, bytes(10_000_000)), 0, 2),
    _case("gif_frames.gif", "30,000 frames", lambda: _flat_gif(8, 8)[:-1] + (b"," + struct.pack("<HHHHB", 0, 0, 1, 2, 0) + _ROW) * 30_000 + b";", 0),
    _case("bmp_wide.bmp", "2^31 - 1 pixels wide", lambda: _bmp(2**31 - 1, 1, 24, bytes(99))),
    _case("bmp_high.bmp", "-2^31 pixels high", lambda: _bmp(1, -(2**31), 24, bytes(99))),
    _case("bmp_negative.bmp", "-8 pixels wide", lambda: _bmp(-8, 8, 24, bytes(999))),
    _case("bmp_declared.bmp", "8000 x 8000 declared, 99 bytes stored", lambda: _bmp(8000, 8000, 24, bytes(99))),
    _case("bmp_runs.bmp", "8000 x 8000 in runs, 9 bytes stored", lambda: _bmp(8000, 8000, 8, b"\xff\0\0\1", 1, 1, 58)),
    _case("bmp_run_moves.bmp", "moves right and up without end", lambda: _bmp(64, 64, 8, _PALETTE[:4] + b"\0\2\xff\xff" * 250_000, 1, 1, 58), 0, 2),
    _case("bmp_bits.bmp", "64 bits per pixel", lambda: _bmp(8, 8, 64, bytes(999))),
    _case("bmp_palette.bmp", "a palette of 2^31 colours", lambda: _bmp(8, 8, 8, bytes(999), colours=2**31 - 1)),
    _case("bmp_start.bmp", "pixels beyond the end", lambda: _bmp(8, 8, 24, bytes(999), start=2**31 - 1)),
    _case("bmp_header.bmp", "a header of 2^32 - 1 bytes", lambda: b"BM" + bytes(8) + struct.pack("<II", 54, 2**32 - 1) + bytes(99)),
    _case("bmp_packing.bmp", "packed by method 77", lambda: _bmp(8, 8, 24, bytes(999), 77)),
    _case("ppm_comment.ppm", "a comment of 10 MB", lambda: b"P6\n#" + b"x" * 10_000_000 + b"\n8 8\n255\n" + bytes(192), 0, 2),
    _case("ppm_comment_endless.ppm", "a comment without end", lambda: b"P6\n#" + b"x" * 10_000_000),
    _case("ppm_comments.ppm", "a million comments", lambda: b"P6\n" + b"#x\n" * 1_000_000 + b"8 8\n255\n" + bytes(192), 0, 2),
    _case("ppm_digits.ppm", "a width of a million digits", lambda: b"P6\n" + b"1" * 1_000_000 + b" 8\n255\n"),
    _case("ppm_zeros.ppm", "a width with a million zeros before it", lambda: b"P6\n" + b"0" * 1_000_000 + b"8 8\n255\n" + bytes(192), 0, 2),
    _case("ppm_spaces.ppm", "10 MB of blanks", lambda: b"P6\n" + b" " * 10_000_000 + b"8 8\n255\n" + bytes(192), 0, 2),
    _case("ppm_large.ppm", "60000 x 60000 declared", lambda: b"P6\n60000 60000\n255\n" + bytes(99)),
    _case("ppm_declared.ppm", "8000 x 8000 declared, 99 bytes stored", lambda: b"P6\n8000 8000\n255\n" + bytes(99)),
    _case("ppm_negative.ppm", "-8 pixels wide", lambda: b"P6\n-8 8\n255\n" + bytes(999)),
    _case("ppm_wide_digits.ppm", "full-width digits", lambda: b"P6\n" + "８ ８".encode() + b"\n255\n" + bytes(999)),
    _case("ppm_largest.ppm", "largest value 0", lambda: b"P6\n8 8\n0\n" + bytes(999)),
    _case("ppm_largest_wide.ppm", "largest value 65536", lambda: b"P6\n8 8\n65536\n" + bytes(999)),
    _case("ppm_text_value.ppm", "a value above the largest", lambda: b"P3\n1 1\n255\n256 0 0\n"),
    _case("ppm_text_long.ppm", "a value of a million digits", lambda: b"P3\n1 1\n255\n" + b"1" * 1_000_000),
    _case("ppm_text_cut.pgm", "8000 x 8000 as text, 3 numbers stored", lambda: b"P2\n8000 8000\n255\n1 2 3\n"),
    _case("ppm_text_spaces.pgm", "a number after 10 MB of blanks", lambda: b"P2\n1 1\n255\n" + b" " * 10_000_000 + b"7\n", 0, 2),
    _case("ppm_floats.ppm", "floating-point values", lambda: b"PF\n2 2\n-1.0\n" + b"\0\0\xc0\x7f" * 12),
    _case("webp_lossless.webp", "16384 x 4096 of one colour in 40 bytes", lambda: _riff(_lossless(16384, 4096))),
    _case("webp_square.webp", "8000 x 8000 of one colour in 40 bytes", lambda: _riff(_lossless(8000, 8000))),
    _case("webp_canvas.webp", "a canvas of 2^24 x 2^24", lambda: _riff(_canvas(1 << 24, 1 << 24), _lossless(8, 8))),
    _case("webp_canvas_large.webp", "a canvas of 16384 x 16384", lambda: _riff(_canvas(16384, 16384), _lossless(8, 8))),
    _case("webp_frames.webp", "100,000 frames", lambda: _frames(8, 8, 100_000), 0, 2),
    _case("webp_frames_large.webp", "frames of 8 x 8 on 8000 x 8000", lambda: _frames(8000, 8000, 10)),
    _case("webp_size.webp", "a size of 2^32 - 1 bytes", lambda: _riff(_lossless(8, 8), size=2**32 - 1), 0, 2),
    _case("webp_cut.webp", "cut", lambda: _riff(_lossless(8, 8))[:30]),
    _case("webp_chunks.webp", "100,000 unknown chunks", lambda: _riff(_canvas(8, 8), _lossless(8, 8), *[(b"abcd", b"x")] * 100_000), 0, 2),
    _case("webp_profile.webp", "a colour profile of 20 MB", lambda: _riff(_canvas(8, 8, 0x20), (b"ICCP", bytes(20_000_000)), _lossless(8, 8)), 0, 2),
    _case("webp_exif.webp", "EXIF data of 3 bytes", lambda: _riff(_canvas(8, 8, 8), _lossless(8, 8), (b"EXIF", b"MM\0")), 0, 2),
    _case("tiff.png", "a TIFF of 60000 x 60000 called .png", lambda: b"II*\0\x08\0\0\0\2\0" + struct.pack("<HHIIHHII", 256, 4, 1, 60000, 257, 4, 1, 60000) + bytes(4)),
    _case("icon.png", "an icon file called .png", lambda: b"\0\0\1\0\1\0" + bytes(16)),
    _case("photoshop.jpg", "a Photoshop file called .jpg", lambda: b"8BPS\0\1" + bytes(6) + b"\0\3" + bytes(99)),
)  # fmt: skip
