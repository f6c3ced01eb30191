"""Data sets in NPZ and NPY whose zip or arrays lie, unpack to too much, or hold what is no number."""

import io
import os
import struct
import zipfile
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from hostile.case import Case
from hostile.png_parts import pack_zeros

_IMAGES = np.arange(16, dtype=np.uint8).reshape(4, 2, 2)
_LABELS = np.array([0, 1, 0, 1])


def _npy(array: Any, **options: Any) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, **options)
    return buffer.getvalue()


def _header(text: str, values: bytes = b"", version: int = 1) -> bytes:
    line = text.encode("latin-1") + b"\n"
    return b"\x93NUMPY" + bytes([version, 0]) + struct.pack("<H" if version == 1 else "<I", len(line)) + line + values


def _describe(descr: str, shape: str, order: str = "False") -> str:
    return f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}"


def _zip(members: dict[str, bytes], packing: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", packing) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content, packing)
    return buffer.getvalue()


def _pair(images: bytes, labels: bytes | None = None) -> bytes:
    return _zip({"x_train.npy": images, "y_train.npy": _npy(_LABELS) if labels is None else labels})


_GOOD = _pair(_npy(_IMAGES))


def _bomb(size: int, declared: int | None = None) -> bytes:
    """Return an NPZ whose images are `size` zero bytes."""
    start = _header(_describe("'|u1'", f"({size >> 20}, 1024, 1024)"))
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = packer.compress(start) + packer.flush(zlib.Z_FULL_FLUSH) + pack_zeros(size)[2:-4]
    unpacked = (len(start) + size if declared is None else declared) & 0xFFFFFFFF
    crc = zlib.crc32(start)
    for _ in range(size >> 20):
        crc = zlib.crc32(bytes(1 << 20), crc)
    local = struct.pack("<4s5H3I2H", b"PK\3\4", 20, 0, 8, 0, 33, crc, len(packed), unpacked, 11, 0) + b"x_train.npy"
    rest = _zip({"y_train.npy": _npy(np.zeros(size >> 20, np.uint8))})
    shift = len(local) + len(packed)
    end = struct.unpack("<4s4H2IH", rest[-22:])
    body, directory = rest[: end[6]], bytearray(rest[end[6] : -22])
    directory[42:46] = struct.pack("<I", shift)
    entry = struct.pack("<4s6H3I5H2I", b"PK\1\2", 20, 20, 0, 8, 0, 33, crc, len(packed), unpacked, 11, 0, 0, 0, 0, 0, 0)
    entry += b"x_train.npy"
    start_of_directory = shift + len(body)
    last = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 2, 2, len(entry) + len(directory), start_of_directory, 0)
    return local + packed + body + entry + bytes(directory) + last


def _change(old: bytes, new: bytes, which: slice = slice(None)) -> bytes:
    parts = _GOOD.split(old)
    return parts[0] + b"".join(
        (new if n in range(*which.indices(len(parts))) else old) + p for n, p in enumerate(parts[1:])
    )


def _many(count: int) -> bytes:
    member = _npy(np.zeros(1))
    more = {f"a{n}.npy": member for n in range(count)}
    return _zip({"x_train.npy": _npy(_IMAGES), "y_train.npy": _npy(_LABELS)} | more)


def _duplicates() -> bytes:
    content = _zip({"x_train.npy": _npy(_IMAGES), "y_train.npy": _npy(_LABELS), "x_trait.npy": _npy(_IMAGES + 1)})
    return content.replace(b"x_trait", b"x_train")


def _write(build: bytes | Callable[[], bytes], path: Path) -> None:
    path.write_bytes(build if isinstance(build, bytes) else build())


def _write_folder(images: bytes, labels: bytes, path: Path) -> None:
    path.mkdir()
    (path / "x_train.npy").write_bytes(images)
    (path / "y_train.npy").write_bytes(labels)


def _write_holes(path: Path) -> None:
    start = _header(_describe("'<f4'", f"({1 << 30}, 16, 16)"))
    _write_folder(start, _npy(_LABELS), path)
    os.truncate(path / "x_train.npy", len(start) + (1 << 40))


def _case(name: str, about: str, build: bytes | Callable[[], bytes], *statuses: int) -> Case:
    return Case(f"npz_{name}.npz", "data", about, partial(_write, build), statuses or (2,))


def _array(name: str, about: str, images: bytes, labels: bytes | None = None, *statuses: int) -> Case:
    """Return a case of an array, in a folder, where it is not packed."""
    write = partial(_write_folder, images, _npy(_LABELS) if labels is None else labels)
    return Case(f"npy_{name}", "data", about, write, statuses or (2,))


def _labels(name: str, about: str, labels: Any, *statuses: int, **options: Any) -> Case:
    return _array(f"labels_{name}", about, _npy(_IMAGES), _npy(labels, **options), *statuses)


_NAN, _INFINITY = _IMAGES.astype("f4"), _IMAGES.astype("f8")
_NAN[2, 1, 0], _INFINITY[3, 0, 1] = np.nan, -np.inf
_PAIRS = np.zeros((4, 2, 2), [("a", "u1"), ("b", "u1")])

CASES = (
    _case("good", "nothing is wrong", _GOOD, 0),
    _case("empty", "an empty zip", _zip({})),
    _case("nothing", "an empty file", b""),
    _case("names", "arrays of other names", _zip({"a.npy": _npy(_IMAGES)})),
    _case("cut", "cut", _GOOD[:-30]),
    _case("cut_pixels", "cut within the pixels", _GOOD[:150]),
    _case("before", "something before the zip", b"x" * 9 + _GOOD),
    _case("after", "something after the zip", _GOOD + b"x" * 9),
    _case("twice", "images twice, with other values", _duplicates),
    _case("crc", "wrong checksums", _change(b"\x0e\x0f", b"\x0e\x0e")),
    _case("encrypted", "marked as encrypted", _GOOD.replace(b"PK\1\2\x14\3\x14\0\0\0", b"PK\1\2\x14\3\x14\0\1\0")),
    _case("packing", "packed by a method that is not read", lambda: _zip({"x_train.npy": _npy(_IMAGES), "y_train.npy": _npy(_LABELS)}, zipfile.ZIP_LZMA)),
    _case("packing_bz2", "packed by bzip2, which has bombs of its own", lambda: _zip({"x_train.npy": _npy(_IMAGES), "y_train.npy": _npy(_LABELS)}, zipfile.ZIP_BZIP2)),
    _case("local_name", "another name before the member than in the directory", _GOOD.replace(b"x_train.npy", b"x_trbin.npy", 1)),
    _case("bomb", "1 GiB in 1 MB", lambda: _bomb(1 << 30)),
    _case("bomb_declared", "1 GiB in 1 MB, declared as 1 MiB", lambda: _bomb(1 << 30, 1 << 20)),
    _case("bomb_small", "60 MiB in 60 kB, which is allowed", lambda: _bomb(60 << 20), 0),
    _case("members", "20,000 members", lambda: _many(20_000), 0),
    _case("members_more", "60,000 members", lambda: _many(60_000), 0, 2),
    _case("folders", "names that leave the folder", _zip({"../x_train.npy": _npy(_IMAGES), "/y_train.npy": _npy(_LABELS)})),
    _case("directory", "a directory that begins beyond the end", _GOOD[:-6] + b"\xff\xff\xff\x7f\0\0"),
    _case("comment", "a comment that is longer than the file", _GOOD[:-2] + b"\xff\xff"),
    _case("array", "an array called .npz", _npy(_IMAGES)),
    _case("text", "a member that is no array", _pair(b"text")),
    _case("object", "objects, which are a pickle", _pair(_npy(np.array([{}], object), allow_pickle=True))),
    _case("nested", "a zip in a zip", _pair(_GOOD)),
    _array("good", "nothing is wrong", _npy(_IMAGES), None, 0),
    _array("fortran", "in Fortran order", _npy(np.asfortranarray(_IMAGES)), None, 0),
    _array("big_endian", "big-endian numbers", _npy(_IMAGES.astype(">u2")), None, 0),
    _array("short", "a byte is missing", _npy(_IMAGES)[:-1]),
    _array("long", "a byte too many", _npy(_IMAGES) + b"\0"),
    _array("two", "two arrays", _npy(_IMAGES) * 2),
    _array("version", "version 9", _header(_describe("'|u1'", "(4, 2, 2)"), bytes(16), 9)),
    _array("negative", "a negative size", _header(_describe("'|u1'", "(-4, 2, 2)"), bytes(16))),
    _array("two_negative", "two negative sizes", _header(_describe("'|u1'", "(-4, -2, 2)"), bytes(16))),
    _array("overflow", "sizes whose product is 16 modulo 2^64", _header(_describe("'|u1'", f"({2**32}, {2**32}, 16)"), bytes(16))),
    _array("huge", "2^63 images", _header(_describe("'|u1'", f"({2**63}, 2, 2)"), bytes(16))),
    _array("digits", "a size of 4,000 digits", _header(_describe("'|u1'", f"({'9' * 4000}, 2, 2)"), bytes(16))),
    _array("many_axes", "33 axes", _header(_describe("'|u1'", f"(4, 2, 2, {'1, ' * 30})"), bytes(16))),
    _array("header_long", "a header of 60,000 bytes", _header(_describe("'|u1'", "(4, 2, 2)") + " " * 60_000, bytes(16))),
    _array("header_4g", "a header of 4 GiB", b"\x93NUMPY\2\0\xff\xff\xff\xff{"),
    _array("code", "a header that is a program", _header("{'descr': '|u1', 'fortran_order': False, 'shape': __import__('os').system('id')}", bytes(16))),
    _array("key_twice", "a key twice", _header("{'descr': '|u1', 'descr': '<f8', 'fortran_order': False, 'shape': (4, 2, 2)}", bytes(16))),
    _array("key_more", "a key too many", _header("{'descr': '|u1', 'fortran_order': False, 'shape': (4, 2, 2), 'x': 1}", bytes(16))),
    _array("order", "an order that is a number", _header(_describe("'|u1'", "(4, 2, 2)", "2"), bytes(16))),
    _array("shape_float", "a size with a point", _header(_describe("'|u1'", "(4.0, 2, 2)"), bytes(16))),
    _array("shape_underscore", "a size written 1_6", _header(_describe("'|u1'", "(1_6, 1, 1)"), bytes(16))),
    _array("object", "objects, which are a pickle", _npy(np.array([{}] * 4, object), allow_pickle=True)),
    _array("structured", "numbers with names", _npy(_PAIRS)),
    _array("nested", "arrays within elements", _npy(np.zeros(4, [("a", "u1", (2, 2))]))),
    _array("complex", "complex numbers", _npy(_IMAGES.astype(complex))),
    _array("dates", "dates", _npy(_IMAGES.astype("M8[D]"))),
    _array("texts", "texts", _npy(_IMAGES.astype("U4"))),
    _array("bytes", "bytes", _npy(_IMAGES.astype("S4"))),
    _array("long_double", "floats of 128 bits", _npy(_IMAGES.astype("g"))),
    _array("void", "elements of no type", _npy(_IMAGES.view("V1"))),
    _array("scalar", "a single number", _npy(np.uint8(1))),
    _array("flat", "rows that are no images", _npy(_IMAGES.reshape(4, 4)), None, 0, 2),
    _array("no_images", "no image", _npy(_IMAGES[:0]), _npy(_LABELS[:0])),
    _array("nan", "a pixel that is no number", _npy(_NAN)),
    _array("infinity", "a pixel that is infinite", _npy(_INFINITY)),
    _array("range", "whole numbers of 0 to 1000", _npy(_IMAGES.astype("i4") * 60 + 100)),
    _array("range_negative", "whole numbers below zero", _npy(_IMAGES.astype("i1") - 5)),
    Case("npy_holes", "data", "1 TiB of holes", _write_holes),
    _labels("few", "a label too few", _LABELS[:-1]), _labels("negative", "a label of -1", _LABELS - 1),
    _labels("nan", "a label that is no number", np.array([0, 1, np.nan, 1])),
    _labels("infinite", "a label that is infinite", np.array([0, 1, np.inf, 1])),
    _labels("fraction", "a label of 0.5, a number to some", _LABELS / 2, 0, 2), _labels("stray", "a label of 2^40", _LABELS << 40),
    _labels("unsigned", "a label of 2^64 - 1", np.array([0, 1, 2**64 - 1, 1], np.uint64)),
    _labels("words", "words", np.array(["a", "b", "a", "b"])),
    _labels("objects", "objects", np.array([0, 1, 0, None], object), allow_pickle=True),
    _labels("two_hot", "two of a kind in a one-hot row", np.array([[1, 0], [0, 1], [1, 1], [0, 1]]), 0, 2),
    _labels("soft", "shares in place of classes", np.full((4, 2), 0.5), 0, 2),
    _labels("one_hot", "one-hot, right", np.eye(2)[_LABELS], 0), _labels("column", "a column, right", _LABELS[:, None], 0),
    _labels("scalar", "a single number", np.int64(1)), _labels("complex", "complex numbers", _LABELS + 0j),
)  # fmt: skip
