"""Damaged and changed data files: each is read as an independent reader reads it, or refused; nothing else happens."""

import csv
import gzip
import io
import math
import random
import struct
import time
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from cnnkit import data
from cnnkit.errors import DataError
from torture.trial import Budget, Found, Trial

_SLOW = 5.0  # seconds of processor time for one file
_IMAGES = np.random.default_rng(0).integers(0, 256, (6, 4, 4), np.uint8)
_LABELS = np.array([0, 1, 2, 0, 1, 2], np.uint8)
_SPECIAL = (b"\0", b"\xff", b"\xff\xff\xff\xff", b"\x7f", b"nan", b"1e999", b"-1", b"_", b",", b"\n", b"2", b"9" * 30)

Splits = tuple[Any, Any]  # images, labels


def change_data(budget: Budget) -> Found:
    found, rng = Found(), random.Random(budget.seed)
    read = refused = 0
    kinds = [_Idx(), _PackedIdx(), _Npy(), _Npz(), _Csv(), _PackedCsv(), _Png()]
    end = time.monotonic() + budget.seconds
    while found.attempts < budget.count and time.monotonic() < end:
        kind = kinds[found.attempts % len(kinds)]
        content = _mutate(kind.good, rng)
        source = kind.place(budget.folder, content)
        name = f"{type(kind).__name__[1:]}, mutant {found.attempts}"
        started = time.process_time()
        try:
            dataset = data.load(source)
            got: Splits | None = dataset.train.take(np.arange(len(dataset.train)))
        except DataError:
            got = None
        except Exception as error:
            found.faults.append(f"{name}: {type(error).__name__}: {error}")
            got = None
        if time.process_time() - started > _SLOW:
            found.faults.append(f"{name}: took {time.process_time() - started:.0f} s")
        found.attempts += 1
        read, refused = read + (got is not None), refused + (got is None)
        if got is not None and not _is_right(kind.expect, content, got):
            found.faults.append(f"{name}: read as something that the independent reader does not read")
    found.figures |= {"read as others read it": read, "refused": refused}
    return found


def _is_right(expect: Callable[[bytes], Splits], content: bytes, got: Splits) -> bool:
    try:
        images, labels = expect(content)
    except Exception:  # whatever the other reader says, it does not read the file
        return False
    pixels = np.asarray(got[0], np.float64)
    if pixels.size != np.asarray(images).size or len(got[1]) != len(np.asarray(labels).reshape(-1)):
        return False
    same = np.array_equal(pixels.reshape(-1), np.asarray(np.float32(images), np.float64).reshape(-1))
    return same and np.array_equal(got[1], np.asarray(labels).reshape(-1).astype(np.int64))


def _mutate(good: bytes, rng: random.Random) -> bytes:
    content = bytearray(good)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        at, way = rng.randrange(len(content) + 1), rng.randrange(6)
        if way == 0 and at < len(content):
            content[at] ^= 1 << rng.randrange(8)
        elif way == 1:
            special = rng.choice(_SPECIAL)
            content[at : at + len(special)] = special
        elif way == 2:
            del content[at : at + rng.choice((1, 2, 7, 40))]
        elif way == 3:
            content[at:at] = rng.choice(_SPECIAL)
        elif way == 4:
            other = rng.randrange(len(content) + 1)
            content[at:at] = content[other : other + rng.choice((1, 4, 30))]
        else:
            del content[at:]
        if not content:
            break
    return bytes(content)


def _save(write: Callable[..., Any], *arrays: Any, **named: Any) -> bytes:
    buffer = io.BytesIO()
    write(buffer, *arrays, **named)
    return buffer.getvalue()


class _Idx:
    """Images and labels of MNIST's format in two files; the images are changed."""

    good = struct.pack(">IIII", 0x803, *_IMAGES.shape) + _IMAGES.tobytes()
    _suffix = ""

    def place(self, folder: Path, content: bytes) -> Path:
        target = folder / type(self).__name__
        target.mkdir(exist_ok=True)
        (target / f"train-images-idx3-ubyte{self._suffix}").write_bytes(content)
        (target / "train-labels-idx1-ubyte").write_bytes(struct.pack(">II", 0x801, 6) + _LABELS.tobytes())
        return target

    def expect(self, content: bytes) -> Splits:
        magic, *shape = struct.unpack(">IIII", content[:16])
        if magic != 0x803 or len(content) - 16 != math.prod(shape):
            raise ValueError
        return np.frombuffer(content[16:], np.uint8).reshape(shape), _LABELS


class _PackedIdx(_Idx):
    """The same, packed."""

    good = gzip.compress(_Idx.good, mtime=0)
    _suffix = ".gz"

    def expect(self, content: bytes) -> Splits:
        return super().expect(gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content)


class _Npy:
    """A folder of arrays."""

    good = _save(np.save, _IMAGES.astype("<f4") / 256)

    def place(self, folder: Path, content: bytes) -> Path:
        target = folder / "npy"
        target.mkdir(exist_ok=True)
        (target / "x_train.npy").write_bytes(content)
        np.save(target / "y_train.npy", _LABELS)
        return target

    def expect(self, content: bytes) -> Splits:
        array = np.load(io.BytesIO(content), allow_pickle=False)
        if not np.isfinite(array).all():
            raise ValueError
        return _channels_first(array), _LABELS


class _Npz:
    """Arrays in a zip."""

    good = _save(np.savez, x_train=_IMAGES, y_train=_LABELS)

    def place(self, folder: Path, content: bytes) -> Path:
        (folder / "set.npz").write_bytes(content)
        return folder / "set.npz"

    def expect(self, content: bytes) -> Splits:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if archive.testzip() is not None:
                raise ValueError
        arrays = np.load(io.BytesIO(content), allow_pickle=False)
        return _channels_first(arrays["x_train"]), arrays["y_train"]


class _Csv:
    """A table."""

    good = ("label," + ",".join(f"pixel{n}" for n in range(16)) + "\n" + "".join(
        f"{label}," + ",".join(map(str, image.flat)) + "\n" for label, image in zip(_LABELS, _IMAGES, strict=True)
    )).encode()  # fmt: skip
    _name = "set.csv"

    def place(self, folder: Path, content: bytes) -> Path:
        (folder / self._name).write_bytes(content)
        return folder / self._name

    def expect(self, content: bytes) -> Splits:
        rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))
        while rows and not "".join(rows[-1]).strip():
            rows.pop()
        names = [name.strip() for name in rows[0]]
        at = names.index("label")
        if any(len(row) != len(names) for row in rows):
            raise ValueError
        values = np.array([[float(cell) for cell in row] for row in rows[1:]])
        if not np.isfinite(values).all() or (values[:, at] != np.trunc(values[:, at])).any() or b"_" in content:
            raise ValueError
        return np.delete(values, at, axis=1), values[:, at]


class _PackedCsv(_Csv):
    """The same, packed."""

    good, _name = gzip.compress(_Csv.good, mtime=0), "set.csv.gz"

    def expect(self, content: bytes) -> Splits:
        return super().expect(gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content)


class _Png:
    """A folder of pictures, one of which is changed."""

    def __init__(self) -> None:
        self.good = _save_picture(_IMAGES[0])

    def place(self, folder: Path, content: bytes) -> Path:
        for name in ("a", "b"):
            (folder / "pictures" / name).mkdir(parents=True, exist_ok=True)
        (folder / "pictures" / "a" / "1.png").write_bytes(content)
        (folder / "pictures" / "b" / "1.png").write_bytes(self.good)
        return folder / "pictures"

    def expect(self, content: bytes) -> Splits:
        from PIL import Image

        with Image.open(io.BytesIO(content)) as picture:
            first = np.asarray(picture.convert("RGB"))
            grey = picture.mode in ("1", "L", "LA")
        position, crc_right = 8, True
        while position < len(content) and content[position + 4 : position + 8] != b"IEND":
            size = int.from_bytes(content[position : position + 4], "big")
            body = content[position + 4 : position + 8 + size]
            if body[:4] == b"IDAT":
                crc_right &= zlib.crc32(body).to_bytes(4, "big") == content[position + 8 + size : position + 12 + size]
            position += 12 + size
        if not crc_right:
            raise ValueError
        both = np.stack([first, np.repeat(_IMAGES[0][:, :, None], 3, axis=2)])
        return (both[..., 0] if grey else both.transpose(0, 3, 1, 2)), np.array([0, 1])


def _save_picture(pixels: Any) -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def _channels_first(array: Any) -> Any:
    plain = array.ndim == 4 and array.shape[1] not in (1, 3)
    return array.transpose(0, 3, 1, 2) if plain else array


TRIAL = Trial(
    "malformed-data",
    "mutants of IDX, NPY, NPZ, CSV and pictures, packed and plain",
    "every verdict right, before the first batch",
    change_data,
    short=300,
    usual=20_000,
    long=1_000_000,
)
