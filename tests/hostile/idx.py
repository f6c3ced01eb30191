"""Folders in the format of MNIST (IDX) whose files contradict themselves or each other, or unpack to too much."""

import gzip
import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

from hostile.case import Case
from hostile.png_parts import pack_zeros

_IMAGES, _LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
_GOOD_IMAGES = struct.pack(">IIII", 0x803, 4, 2, 2) + bytes(16)
_GOOD_LABELS = struct.pack(">II", 0x801, 4) + bytes([0, 1, 0, 1])


def _pack(content: bytes) -> bytes:
    return gzip.compress(content, mtime=0)


def _pack_sparse(start: bytes, zeros: int, count: int | None = None) -> bytes:
    """Return a gzip of a start and so many zero bytes, as two members; count: what its end says about its length."""
    body = pack_zeros(zeros)[2:-4]
    end = struct.pack("<II", 0 if count is not None else _zeros_crc(zeros), (count or zeros) & 0xFFFFFFFF)
    return _pack(start) + b"\x1f\x8b\x08\0\0\0\0\0\0\3" + body + end


def _zeros_crc(size: int) -> int:
    value, piece = 0, bytes(1 << 20)
    for _ in range(size >> 20):
        value = zlib.crc32(piece, value)
    return zlib.crc32(bytes(size & 0xFFFFF), value)


def _write(folder: Path, images: bytes, labels: bytes, suffix: str = "", more: dict[str, bytes] | None = None) -> None:
    folder.mkdir()
    for name, content in {_IMAGES + suffix: images, _LABELS + suffix: labels, **(more or {})}.items():
        (folder / name).write_bytes(content)


def _holes(folder: Path) -> None:
    _write(folder, struct.pack(">IIII", 0x803, 2**20, 1024, 1024), struct.pack(">II", 0x801, 2**20) + bytes(2**20))
    os.truncate(folder / _IMAGES, 16 + 2**40)


def _hole_of_labels(folder: Path) -> None:
    _write(folder, _GOOD_IMAGES, struct.pack(">II", 0x801, 2**32 - 1))
    os.truncate(folder / _LABELS, 8 + 2**32 - 1)


def _pipe(folder: Path) -> None:
    _write(folder, _GOOD_IMAGES, _GOOD_LABELS)
    (folder / _LABELS).unlink()
    os.mkfifo(folder / _LABELS)


def _device(folder: Path) -> None:
    _write(folder, _GOOD_IMAGES, _GOOD_LABELS)
    (folder / _IMAGES).unlink()
    (folder / _IMAGES).symlink_to("/dev/zero")


def _folders(folder: Path) -> None:
    _write(folder, _GOOD_IMAGES, _GOOD_LABELS)
    (folder / _IMAGES).unlink()
    (folder / _IMAGES).mkdir()


def _case(name: str, about: str, write: Callable[[Path], object], *statuses: int) -> Case:
    return Case(f"idx_{name}", "data", about, write, statuses or (2,))


def _plain(name: str, about: str, images: bytes, labels: bytes = _GOOD_LABELS, *statuses: int) -> Case:
    return _case(name, about, lambda folder: _write(folder, images, labels), *statuses)


def _zipped(name: str, about: str, images: bytes, *statuses: int) -> Case:
    return _case(name, about, lambda folder: _write(folder, images, _pack(_GOOD_LABELS), ".gz"), *statuses)


CASES = (
    _plain("good", "nothing is wrong", _GOOD_IMAGES, _GOOD_LABELS, 0),
    _plain("too_short", "a byte is missing", _GOOD_IMAGES[:-1]),
    _plain("too_long", "a byte too many", _GOOD_IMAGES + b"\0"),
    _plain("empty", "an empty file", b""),
    _plain("header", "a header that is cut", _GOOD_IMAGES[:9]),
    _plain("magic", "another magic", b"\0\0\x09\3" + _GOOD_IMAGES[4:]),
    _plain("swapped", "images and labels are swapped", _GOOD_LABELS, _GOOD_IMAGES),
    _plain("little", "a header of little endian", struct.pack("<IIII", 0x803, 4, 2, 2) + bytes(16)),
    _plain("overflow", "2^32 - 1 in each direction", struct.pack(">IIII", 0x803, *[2**32 - 1] * 3) + bytes(16)),
    _plain("wraps", "sizes whose product is 16 modulo 2^64", struct.pack(">IIII", 0x803, 2**31, 2**31, 4) + bytes(16)),
    _plain("no_images", "no image", struct.pack(">IIII", 0x803, 0, 2, 2), struct.pack(">II", 0x801, 0)),
    _plain("no_pixels", "images of no pixel", struct.pack(">IIII", 0x803, 4, 0, 2)),
    _plain("one_label_less", "a label less", _GOOD_IMAGES, struct.pack(">II", 0x801, 3) + bytes(3)),
    _plain("labels_short", "labels that are cut", _GOOD_IMAGES, _GOOD_LABELS[:-2]),
    _case("holes", "1 TiB of holes", _holes),
    _case("hole_of_labels", "4 GiB of labels that are a hole", _hole_of_labels),
    _case("pipe", "a pipe called like the labels", _pipe),
    _case("device", "a link to an endless device called like the images", _device),
    _case("folder", "a folder called like the images", _folders),
    _case("alone", "images alone", lambda folder: (_write(folder, _GOOD_IMAGES, b""), (folder / _LABELS).unlink())),
    _case(
        "test_alone", "test images alone",
        lambda folder: _write(folder, _GOOD_IMAGES, _GOOD_LABELS, "", {"t10k-images-idx3-ubyte": _GOOD_IMAGES}),
    ),
    _zipped("packed", "nothing is wrong, packed", _pack(_GOOD_IMAGES), 0),
    _zipped("packed_parts", "packed in two members", _pack(_GOOD_IMAGES[:9]) + _pack(_GOOD_IMAGES[9:]), 0),
    _zipped("packed_twice", "packed twice", _pack(_pack(_GOOD_IMAGES))),
    _zipped("packed_cut", "packed and cut", _pack(_GOOD_IMAGES)[:-6]),
    _zipped("packed_more", "something after the packed file", _pack(_GOOD_IMAGES) + b"more"),
    _zipped("packed_zeros", "zeros after the packed file, as on a tape", _pack(_GOOD_IMAGES) + bytes(512), 0),
    _zipped("packed_member", "another member after the images", _pack(_GOOD_IMAGES) + _pack(b"x")),
    _zipped("packed_checksum", "a wrong checksum", _pack(_GOOD_IMAGES)[:-8] + bytes(8)),
    _zipped("packed_garbage", "garbage in place of packed bytes", _pack(_GOOD_IMAGES)[:10] + bytes(range(99))),
    _zipped("packed_empty", "an empty member", _pack(b"")),
    _zipped("packed_bomb", "1 GiB declared and stored in 1 MB", _pack_sparse(struct.pack(">IIII", 0x803, 2**10, 2**10, 2**10), 2**30, 1)),
    _zipped("packed_bomb_after", "1 GiB after the last image", _pack_sparse(_GOOD_IMAGES, 2**30, 1)),
    _zipped("packed_declared", "60 MiB declared, 1 stored", _pack(struct.pack(">IIII", 0x803, 60, 1024, 1024) + bytes(1 << 20))),
    _zipped("packed_members", "60,000 empty members", _pack(b"") * 60_000 + _pack(_GOOD_IMAGES), 0, 2),
    _zipped("packed_name", "a file name of 5 MB in the header", b"\x1f\x8b\x08\x08\0\0\0\0\0\3" + b"x" * 5_000_000 + b"\0" + _pack(_GOOD_IMAGES)[10:], 0, 2),
)  # fmt: skip
