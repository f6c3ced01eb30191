"""JPEG pictures that lie, cost too much time, or are damaged."""

import struct
from collections.abc import Callable
from functools import partial
from pathlib import Path

from hostile.case import Case

_START, _END = b"\xff\xd8", b"\xff\xd9"
_QUANTA = b"\xff\xdb\0\x43\0" + b"\1" * 64
_ZERO = b"\1" + bytes(15) + b"\0"  # a code of one bit for the value 0


def _segment(mark: int, content: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, mark, len(content) + 2) + content


def _frame(height: int, width: int, kind: int = 0xC0, channels: int = 1, sampling: int = 0x11) -> bytes:
    parts = b"".join(bytes([number + 1, sampling if not number else 0x11, 0]) for number in range(channels))
    return _segment(kind, struct.pack(">BHHB", 8, height, width, channels) + parts)


def _tables(*classes: int, values: bytes = _ZERO) -> bytes:
    return _segment(0xC4, b"".join(bytes([number]) + values for number in classes))


def _scan(channels: int = 1, first: int = 0, last: int = 63, approximation: int = 0) -> bytes:
    parts = b"".join(bytes([number + 1, 0]) for number in range(channels))
    return _segment(0xDA, bytes([channels]) + parts + bytes([first, last, approximation]))


def _flat(height: int, width: int, channels: int = 1, more: bytes = b"", share: float = 1.0) -> bytes:
    """Return a grey picture, a bit for each of the first and the other values of a block of 8 x 8."""
    blocks = -(-height // 8) * -(-width // 8) * channels
    content = bytes(int(-(-blocks * 2 // 8) * share))
    start = _START + more + _QUANTA + _frame(height, width, channels=channels) + _tables(0x00, 0x10)
    return start + _scan(channels) + content + _END


def _progressive(height: int, width: int, scans: int) -> bytes:
    """Return a picture whose blocks are gone through again and again, each time for a few bytes."""
    blocks = -(-height // 8) * -(-width // 8)
    runs = -(-blocks // 0x7FFF)
    bits = "".join("0" + "1" * 14 for _ in range(runs))  # the code of a run of 2^14 blocks, and how many more
    bits += "1" * (-len(bits) % 8)
    content = int(bits, 2).to_bytes(len(bits) // 8).replace(b"\xff", b"\xff\0")
    start = _START + _QUANTA + _frame(height, width, 0xC2) + _tables(0x00)
    start += _scan(last=0) + bytes(-(-blocks // 8)) + _tables(0x10, values=b"\1" + bytes(15) + b"\xe0")
    return start + (_scan(first=1, last=63, approximation=0) + content) * scans + _END


def _sequential_scans(height: int, width: int, scans: int) -> bytes:
    blocks = -(-height // 8) * -(-width // 8)
    start = _START + _QUANTA + _frame(height, width, channels=3) + _tables(0x00, 0x10)
    return start + (_scan() + bytes(-(-blocks * 2 // 8))) * scans + _END


def _exif(content: bytes) -> bytes:
    return _flat(8, 8, more=_segment(0xE1, b"Exif\0\0" + content))


_LOOP = b"MM\0*\0\0\0\x08" + struct.pack(">H", 2) + struct.pack(">HHII", 0x8769, 4, 1, 8) * 2 + struct.pack(">I", 8)
_PICTURES = b"MPF\0MM\0*\0\0\0\x08\0\3" + struct.pack(">HHI", 0xB000, 7, 4) + b"0100"
_PICTURES += (
    struct.pack(">HHII", 0xB001, 4, 1, 100_000_000) + struct.pack(">HHII", 0xB002, 7, 0xFFFFFFF0, 50) + bytes(4)
)


def _write(build: Callable[[], bytes], path: Path) -> None:
    path.write_bytes(build())


def _case(name: str, about: str, build: Callable[[], bytes], *statuses: int) -> Case:
    return Case(f"jpeg_{name}.jpg", "image", about, partial(_write, build), statuses or (2,))


CASES = (
    _case("bomb_grey", "8192 x 8192 of one grey in 260 kB", lambda: _flat(8192, 8192), 0, 2),
    _case("bomb_colour", "8192 x 8192 of one colour", lambda: _flat(8192, 8192, 3), 0, 2),
    _case("bomb_cut", "8192 x 8192, a tenth stored", lambda: _flat(8192, 8192, 3, share=0.1)),
    _case("large", "65500 x 65500 declared", lambda: _flat(65500, 65500, share=0.0001)),
    _case("wide", "65500 x 8 pixels", lambda: _flat(8, 65500), 0, 2),
    _case("scans", "8000 x 8000, gone through 3,000 times", lambda: _progressive(8000, 8000, 3000)),
    _case("scans_small", "1000 x 1000, gone through 60,000 times", lambda: _progressive(1000, 1000, 60_000)),
    _case("scans_same", "2000 x 2000, one channel stored 200 times", lambda: _sequential_scans(2000, 2000, 200), 0, 2),
    _case("zero_height", "no height, which a later mark would tell", lambda: _flat(0, 8)),
    _case("zero_width", "no width", lambda: _flat(8, 0)),
    _case("cut", "cut within the pixels", lambda: _flat(64, 64)[:-12], 2),
    _case("cut_header", "cut within the header", lambda: _flat(64, 64)[:90]),
    _case("no_tables", "no code tables", lambda: _START + _QUANTA + _frame(8, 8) + _scan() + bytes(9) + _END, 0, 2),
    _case("no_quanta", "no quantisation", lambda: _START + _frame(8, 8) + _tables(0, 16) + _scan() + bytes(9) + _END),
    _case("no_frame", "no frame", lambda: _START + _QUANTA + _tables(0, 16) + _scan() + bytes(9) + _END),
    _case("two_frames", "two frames of other sizes", lambda: _flat(8, 8, more=_frame(9000, 9000))),
    _case("lossless", "a lossless JPEG", lambda: _flat(8, 8).replace(b"\xff\xc0", b"\xff\xc3")),
    _case("arithmetic", "arithmetic coding", lambda: _flat(8, 8).replace(b"\xff\xc0", b"\xff\xc9"), 0, 2),
    _case("twelve_bits", "12 bits per channel", lambda: _flat(8, 8).replace(b"\0\x0b\x08", b"\0\x0b\x0c")),
    _case("channels", "200 channels", lambda: _START + _QUANTA + _frame(8, 8, channels=200) + _scan() + _END),
    _case("two_channels", "2 channels", lambda: _flat(8, 8, 2)),
    _case("sampling", "sampled 15 x 15", lambda: _flat(8, 8).replace(b"\1\x11\0", b"\1\xff\0")),
    _case("sampling_zero", "sampled 0 x 0", lambda: _flat(8, 8).replace(b"\1\x11\0", b"\1\0\0")),
    _case("segment_short", "a segment of length 0", lambda: _flat(8, 8, more=b"\xff\xe5\0\0"), 0, 2),
    _case("segment_long", "a segment beyond the end", lambda: _flat(8, 8, more=b"\xff\xe5\xff\xff")),
    _case("comments", "100 comments of 64 kB", lambda: _flat(8, 8, more=_segment(0xFE, bytes(65000)) * 100), 0),
    _case("segments", "100,000 segments", lambda: _flat(8, 8, more=_segment(0xE5, b"") * 100_000), 0, 2),
    _case("fill", "10 MB of fill bytes", lambda: _flat(8, 8, more=b"\xff" * 10_000_000), 0, 2),
    _case("profile_count", "parts 200 of 1 of a colour profile", lambda: _flat(8, 8, more=_segment(0xE2, b"ICC_PROFILE\0\xc8\1abc")), 0),
    _case("profile_parts", "255 parts of a colour profile", lambda: _flat(8, 8, more=b"".join(_segment(0xE2, b"ICC_PROFILE\0" + bytes([n, 255]) + bytes(9000)) for n in range(1, 256))), 0),
    _case("exif_loop", "EXIF data that refer to themselves", lambda: _exif(_LOOP), 0),
    _case("exif_cut", "EXIF data of 3 bytes", lambda: _exif(b"MM\0"), 0),
    _case("exif_entries", "65,535 entries declared", lambda: _exif(b"MM\0*\0\0\0\x08\xff\xff"), 0),
    _case("exif_offset", "an EXIF table beyond the end", lambda: _exif(b"MM\0*\xff\xff\xff\xff"), 0),
    _case("exif_infinity", "an EXIF orientation that is infinite", lambda: _exif(b"MM\0*\0\0\0\x08\0\1" + struct.pack(">HHI", 0x112, 11, 1) + struct.pack(">f", float("inf")) + bytes(4)), 0),
    _case("pictures", "100 million pictures in one file", lambda: _flat(8, 8, more=_segment(0xE2, _PICTURES)), 0, 2),
    _case("photoshop", "Photoshop data that lie about their sizes", lambda: _flat(8, 8, more=_segment(0xED, b"Photoshop 3.0\x008BIM\3\xed\xff" + b"\xff" * 40)), 0, 2),
    _case("restarts", "a restart after every block, and none stored", lambda: _flat(64, 64, more=_segment(0xDD, b"\0\1")), 0, 2),
    _case("page", "a page of HTML called .jpg", lambda: b"<!doctype html><html></html>"),
    _case("empty", "an empty file", lambda: b""),
    _case("postscript", "PostScript called .jpg, which would be run", lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n/x{loop}def x\n"),
    _case("vector", "SVG with an entity called .jpg", lambda: b'<!DOCTYPE svg [<!ENTITY a SYSTEM "file:///etc/passwd">]><svg>&a;</svg>'),
)  # fmt: skip
