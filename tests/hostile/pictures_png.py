"""PNG pictures that lie, unpack to too much, or are damaged."""

import struct
import zlib
from collections.abc import Callable
from pathlib import Path

from hostile.case import Case
from hostile.png_parts import SIGNATURE, chunk, header, pack_zeros, pixels, write

_SMALL = header(8, 8) + pixels(8 * 9)  # a good picture but for its end
_TEXT_BOMB = 1 << 30
_EXIF_LOOP = (
    b"MM\0*\0\0\0\x08" + struct.pack(">H", 2) + struct.pack(">HHII", 0x8769, 4, 1, 8) * 2 + struct.pack(">I", 8)
)


def _png(*chunks: bytes) -> Callable[[Path], None]:
    return lambda path: write(path, *chunks)


def _raw(content: bytes) -> Callable[[Path], int]:
    return lambda path: path.write_bytes(content)


def _bomb(
    width: int, height: int, depth: int, colour: int, row: int, interlaced: bool = False
) -> Callable[[Path], None]:
    rest = b"\0\0\1" if interlaced else b"\0\0\0"
    return lambda path: write(path, header(width, height, depth, colour, rest), pixels((row + 1) * height))


def _bomb_text(path: Path) -> None:
    write(path, header(8, 8), chunk(b"zTXt", b"a\0\0" + pack_zeros(_TEXT_BOMB)), pixels(72))


def _bomb_international_text(path: Path) -> None:
    write(path, header(8, 8), chunk(b"iTXt", b"a\0\1\0\0\0" + pack_zeros(_TEXT_BOMB)), pixels(72))


def _bomb_profile(path: Path) -> None:
    write(path, header(8, 8), chunk(b"iCCP", b"a\0\0" + pack_zeros(_TEXT_BOMB)), pixels(72))


def _bomb_after_pixels(path: Path) -> None:
    write(path, header(8, 8), pixels(1 << 30))


def _bomb_text_after(path: Path) -> None:
    write(path, _SMALL, chunk(b"zTXt", b"a\0\0" + pack_zeros(_TEXT_BOMB)))


def _filter(number: int) -> Callable[[Path], None]:
    rows = b"".join(bytes([number]) + bytes(8) for _ in range(8))
    return _png(header(8, 8), chunk(b"IDAT", zlib.compress(rows)))


def _case(name: str, about: str, write_to: Callable[[Path], object], *statuses: int) -> Case:
    return Case(f"png_{name}.png", "image", about, write_to, statuses or (2,))


CASES = (
    _case("bomb_rgb", "8192 x 8192 of one colour in 200 kB", _bomb(8192, 8192, 8, 2, 3 * 8192)),
    _case("bomb_alpha16", "8192 x 8192, 16 bits, transparent", _bomb(8192, 8192, 16, 6, 8 * 8192)),
    _case("bomb_interlaced", "7000 x 7000, interlaced", _bomb(7000, 7000, 8, 2, 3 * 7000, True)),
    _case("bomb_wide", "2^26 x 1 pixels", _bomb(1 << 26, 1, 8, 2, 3 << 26)),
    _case("bomb_tall", "1 x 2^26 pixels", _bomb(1, 1 << 26, 8, 2, 3)),
    _case("line", "1 x 40,000,000 pixels", _bomb(1, 40_000_000, 8, 0, 1)),
    _case("bomb_grey", "8192 x 8192 grey in 65 kB", _bomb(8192, 8192, 8, 0, 8192), 0, 2),
    _case("bomb_bits", "8192 x 8192 of one bit", _bomb(8192, 8192, 1, 0, 1024), 0, 2),
    _case("huge", "2^31 - 1 pixels each way", _png(header(2**31 - 1, 2**31 - 1), pixels(72))),
    _case("huge_negative", "2^32 - 1 pixels each way", _png(header(2**32 - 1, 2**32 - 1), pixels(72))),
    _case("large_declared", "60000 x 60000 declared, 72 bytes stored", _png(header(60000, 60000), pixels(72))),
    _case("zero_width", "0 x 8 pixels", _png(header(0, 8), pixels(8))),
    _case("zero_height", "8 x 0 pixels", _png(header(8, 0), pixels(8))),
    _case("too_few", "100 x 100 declared, 10 x 10 stored", _png(header(100, 100), pixels(110))),
    _case("too_many", "1 GiB after the last row", _bomb_after_pixels, 0, 2),
    _case("cut_pixels", "cut within the pixels", _raw((SIGNATURE + _SMALL)[:-9])),
    _case("cut_header", "cut within the header", _raw((SIGNATURE + _SMALL)[:20])),
    _case("only_signature", "nothing but the signature", _raw(SIGNATURE)),
    _case("no_pixels", "no IDAT", _png(header(8, 8))),
    _case("end_first", "IEND before the pixels", _png(header(8, 8), chunk(b"IEND"), pixels(72))),
    _case("no_header", "pixels before the header", _png(pixels(72), header(8, 8))),
    _case("two_headers", "a second header with other sizes", _png(header(8, 8), header(9000, 9000), pixels(72))),
    _case("late_header", "a header after the pixels", _png(_SMALL, header(9000, 9000)), 0, 2),
    _case("crc_header", "wrong checksum of the header", _png(chunk(b"IHDR", header(8, 8)[8:-4], 7), pixels(72))),
    _case("crc_pixels", "wrong checksum of the pixels", _png(header(8, 8), chunk(b"IDAT", pack_zeros(72), 7))),
    _case("crc_text", "wrong checksum of a text", _png(header(8, 8), chunk(b"tEXt", b"a\0b", 7), pixels(72)), 0, 2),
    _case("adler", "wrong checksum of the zlib stream", _png(header(8, 8), chunk(b"IDAT", pack_zeros(72)[:-1] + b"?")), 0, 2),
    _case("length_full", "a chunk of 2^32 - 1 bytes", _png(header(8, 8), chunk(b"IDAT", b"", length=2**32 - 1))),
    _case("length_text", "a text of 2^31 bytes", _png(header(8, 8), chunk(b"tEXt", b"a\0", length=2**31), pixels(72))),
    _case("zlib_garbage", "pixels that are no zlib stream", _png(header(8, 8), chunk(b"IDAT", bytes(range(99))))),
    _case("zlib_dictionary", "a zlib stream that wants a dictionary", _png(header(8, 8), chunk(b"IDAT", b"\x78\xbb" + bytes(80)))),
    _case("text_bomb", "zTXt that unpacks to 1 GiB", _bomb_text, 0, 2),
    _case("text_bomb_international", "iTXt that unpacks to 1 GiB", _bomb_international_text, 0, 2),
    _case("text_bomb_after", "zTXt of 1 GiB after the pixels", _bomb_text_after, 0, 2),
    _case("profile_bomb", "a colour profile that unpacks to 1 GiB", _bomb_profile, 0, 2),
    _case("texts", "100,000 texts", _png(header(8, 8), chunk(b"tEXt", b"a\0b") * 100_000, pixels(72)), 0, 2),
    _case("empty_pixels", "100,000 empty IDAT chunks", _png(header(8, 8), chunk(b"IDAT") * 100_000, pixels(72)), 0, 2),
    _case("unknown_chunks", "100,000 unknown chunks", _png(header(8, 8), chunk(b"abCd", b"x") * 100_000, pixels(72)), 0, 2),
    _case("chunks_behind", "300,000 unknown chunks behind the pixels", _png(header(8, 8), pixels(72), chunk(b"abCd") * 300_000)),
    _case("unknown_critical", "a critical chunk that nobody knows", _png(header(8, 8), chunk(b"ABCD", b"x"), pixels(72)), 0, 2),
    _case("text_names", "control characters in texts", _png(header(8, 8), chunk(b"tEXt", b"\x1b[2J\0\x1b]0;x\x07"), pixels(72)), 0),
    _case("frames", "4 billion frames declared", _png(header(8, 8), chunk(b"acTL", struct.pack(">II", 2**32 - 1, 0)), pixels(72)), 0, 2),
    _case("frames_zero", "no frame declared", _png(header(8, 8), chunk(b"acTL", bytes(8)), pixels(72)), 0, 2),
    _case(
        "frame_outside",
        "a frame of 60000 x 60000 in a picture of 8 x 8",
        _png(
            header(8, 8), chunk(b"acTL", struct.pack(">II", 2, 0)),
            chunk(b"fcTL", struct.pack(">IIIIIHHBB", 0, 60000, 60000, 0, 0, 1, 1, 0, 0)), pixels(72),
        ), 0, 2,
    ),
    _case(
        "frame_cut", "a frame's description is cut",
        _png(header(8, 8), chunk(b"acTL", struct.pack(">II", 2, 0)), chunk(b"fcTL", b"\0\0"), pixels(72)),
    ),
    _case("no_palette", "colours by palette, and no palette", _png(header(8, 8, colour=3), pixels(72)), 0, 2),
    _case("palette_empty", "a palette of no colour", _png(header(8, 8, colour=3), chunk(b"PLTE"), pixels(72)), 0, 2),
    _case("palette_odd", "a palette of 4 bytes", _png(header(8, 8, colour=3), chunk(b"PLTE", b"abcd"), pixels(72)), 0, 2),
    _case("palette_long", "a palette of 65,536 colours", _png(header(8, 8, colour=3), chunk(b"PLTE", bytes(196608)), pixels(72)), 0, 2),
    _case("transparent_long", "65,536 entries of transparency", _png(header(8, 8, colour=3), chunk(b"PLTE", bytes(6)), chunk(b"tRNS", bytes(65536)), pixels(72)), 0, 2),
    _case("transparent_short", "1 byte of transparency of a colour", _png(header(8, 8, colour=2), chunk(b"tRNS", b"a"), pixels(200)), 2),
    _case("depth", "3 bits per channel", _png(header(8, 8, 3), pixels(72))),
    _case("colour", "kind of colour 5", _png(header(8, 8, 8, 5), pixels(72))),
    _case("packing", "packed by method 9", _png(header(8, 8, rest=b"\x09\0\0"), pixels(72)), 0, 2),
    _case("filters", "filtered by method 9", _png(header(8, 8, rest=b"\0\x09\0"), pixels(72))),
    _case("interlace", "interlaced by method 9", _png(header(8, 8, rest=b"\0\0\x09"), pixels(72)), 0, 2),
    _case("filter", "rows filtered by 200", _filter(200), 0, 2),
    _case("exif_loop", "EXIF data that refer to themselves", _png(header(8, 8), chunk(b"eXIf", _EXIF_LOOP), pixels(72)), 0),
    _case("exif_cut", "EXIF data of 3 bytes", _png(header(8, 8), chunk(b"eXIf", b"MM\0"), pixels(72)), 0),
    _case(
        "exif_count", "an EXIF orientation of 2^32 - 1 numbers",
        _png(header(8, 8), chunk(b"eXIf", b"MM\0*\0\0\0\x08\0\1" + struct.pack(">HHII", 0x112, 3, 2**32 - 1, 8) + bytes(4)), pixels(72)), 0,
    ),
    _case(
        "exif_text", "an EXIF orientation that is a text",
        _png(header(8, 8), chunk(b"eXIf", b"MM\0*\0\0\0\x08\0\1" + struct.pack(">HHI", 0x112, 2, 4) + b"six\0" + bytes(4)), pixels(72)), 0,
    ),
    _case("more", "a page of HTML after the end", _raw(SIGNATURE + _SMALL + chunk(b"IEND") + b"<html>"), 0),
)  # fmt: skip
