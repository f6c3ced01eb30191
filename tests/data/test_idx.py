import gzip
import struct

import numpy as np
import pytest

from cnnkit.data import load
from cnnkit.errors import DataError

IMAGES, LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("dotted", [False, True])
def test_four_files_in_every_spelling(tmp_path, write_idx, same, zipped, dotted):
    same(load(str(write_idx(tmp_path / "set", zipped, dotted))))


def test_large_plain_files_stay_on_the_disk(tmp_path, write_idx, same, monkeypatch):
    monkeypatch.setattr("cnnkit.data.stored_images.WHOLE_BYTES", 0)
    dataset = load(write_idx(tmp_path))
    assert not isinstance(dataset.train.images, np.ndarray)
    same(dataset)


def test_plain_and_zipped_have_one_fingerprint(tmp_path, write_idx):
    plain, zipped = load(write_idx(tmp_path / "a")), load(write_idx(tmp_path / "b", zipped=True))
    assert plain.fingerprint() == zipped.fingerprint()


def test_gzip_is_recognised_by_content(tmp_path, write_idx, same):
    folder = write_idx(tmp_path, zipped=True)
    for path in folder.iterdir():
        path.rename(path.with_suffix(""))
    same(load(folder))


def test_without_the_test_files(tmp_path, write_idx, same):
    folder = write_idx(tmp_path)
    for path in folder.glob("t10k*"):
        path.unlink()
    same(load(folder), test=False)


@pytest.mark.parametrize("name", ["train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-labels-idx1-ubyte"])
def test_a_missing_file_is_named(tmp_path, write_idx, name):
    (write_idx(tmp_path) / name).unlink()
    with pytest.raises(DataError, match=f"expected the file {name} or"):
        load(tmp_path)


CASES = {
    "empty": (IMAGES, lambda _: b"", "begins with 00000803, got nothing"),
    "magic": (IMAGES, lambda data: b"\x00\x00\x0d\x03" + data[4:], "begins with 00000803, got 00000d03"),
    "swapped": (IMAGES, lambda _: struct.pack(">II", 0x801, 7) + bytes(7), "swapped"),
    "swapped labels": (LABELS, lambda _: struct.pack(">4I", 0x803, 1, 1, 7) + bytes(7), "swapped"),
    "header cut": (IMAGES, lambda data: data[:9], "header of 16 bytes, got 9"),
    "values cut": (IMAGES, lambda data: data[:-1], "expected 210 bytes .* got 209: the file is truncated"),
    "no values": (IMAGES, lambda data: data[:16], "expected 210 bytes .* got 0"),
    "appended": (IMAGES, lambda data: data + b"!", "expected 210 bytes .* appended"),
    "labels appended": (LABELS, lambda data: data + b"!", "expected 7 bytes .* appended"),
    "no images": (IMAGES, lambda _: struct.pack(">4I", 0x803, 0, 5, 6), "at least one"),
    "fewer labels": (LABELS, lambda _: struct.pack(">II", 0x801, 6) + bytes(6), "each of the 7 images"),
    "huge": (IMAGES, lambda data: struct.pack(">4I", 0x803, *[2**32 - 1] * 3) + data[16:], "expected"),
}


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize(("name", "change", "message"), CASES.values(), ids=CASES)
def test_malformed_files(tmp_path, write_idx, zipped, name, change, message):
    path = write_idx(tmp_path) / name
    data = change(path.read_bytes())
    path.write_bytes(gzip.compress(data) if zipped else data)
    with pytest.raises(DataError, match=message) as caught:
        load(tmp_path)
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_gzip_bomb_takes_no_memory(tmp_path, write_idx, monkeypatch):
    path = write_idx(tmp_path) / IMAGES
    path.write_bytes(gzip.compress(struct.pack(">4I", 0x803, 1 << 30, 64, 64)))
    monkeypatch.setattr(np, "empty", lambda *_: pytest.fail("memory was asked for"))
    with pytest.raises(DataError, match="after unpacking"):
        load(tmp_path)


@pytest.mark.parametrize("keep", [30, -9, -4])
def test_a_truncated_gzip_file(tmp_path, write_idx, keep):
    path = write_idx(tmp_path, zipped=True) / (IMAGES + ".gz")
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(DataError, match="complete gzip file"):
        load(tmp_path)


def test_a_gzip_file_with_a_flipped_bit_or_a_tail(tmp_path, write_idx):
    path = write_idx(tmp_path, zipped=True) / (IMAGES + ".gz")
    good = path.read_bytes()
    for bad in (good[:60] + bytes([good[60] ^ 4]) + good[61:], good + b"tail"):
        path.write_bytes(bad)
        with pytest.raises(DataError, match=IMAGES):
            load(tmp_path)
