import os
from types import SimpleNamespace

import numpy as np
import pytest

from cnnkit.data import load, stored_images
from cnnkit.errors import DataError


@pytest.fixture
def folder(tmp_path, arrays):
    for key, values in arrays.items():
        np.save(tmp_path / f"{key}.npy", values)
    return tmp_path


def test_small_arrays_are_read_whole(folder, same):
    dataset = load(folder)
    same(dataset)
    assert isinstance(dataset.train.images, np.ndarray)
    np.save(folder / "x_train.npy", np.zeros(1))  # nothing of the file is mapped, so nobody notices
    same(dataset)


@pytest.fixture(name="large")
def _large(monkeypatch):
    """Every array counts as a large one."""
    monkeypatch.setattr("cnnkit.data.stored_images.WHOLE_BYTES", 0)


@pytest.mark.usefixtures("large")
def test_large_arrays_stay_on_the_disk(folder, same, arrays):
    dataset = load(folder)
    same(dataset)
    assert not isinstance(dataset.train.images, np.ndarray)
    chosen = np.array([3, 4, 5, 0, 3, 2, 1])
    expected = np.asarray(arrays["x_train"])[chosen]
    np.testing.assert_array_equal(dataset.train.take(chosen)[0].reshape(expected.shape), expected)
    images = dataset.train.images
    np.testing.assert_array_equal(images[-1], images[len(dataset.train) - 1])
    np.testing.assert_array_equal(images[::-2], images[:][::-2])
    few = np.arange(len(dataset.train)) % 3 == 0
    np.testing.assert_array_equal(images[few], images[:][few])
    for wrong in (len(dataset.train), np.array([0.5]), few[:-1]):
        with pytest.raises(IndexError):
            images[wrong]


def _cut(path):
    with path.open("r+b") as file:
        file.truncate(200)


def _replace(path):
    np.save(path.with_name("new.npy"), np.load(path))
    path.with_name("new.npy").replace(path)


@pytest.mark.usefixtures("large")
@pytest.mark.parametrize("change", [_cut, _replace, lambda path: path.unlink()])
def test_a_file_that_changes_while_it_is_read_lazily_is_told(folder, change):
    dataset = load(folder)
    change(folder / "x_train.npy")
    with pytest.raises(DataError, match=r"x_train\.npy: expected the file that was opened"):
        dataset.train.take([0, 1])


def test_a_file_of_holes_is_refused_at_once(folder):
    with (folder / "x_train.npy").open("wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "<f4", "fortran_order": False, "shape": (1 << 30, 16, 16)})
        file.truncate(file.tell() + (1 << 40))
    if (folder / "x_train.npy").stat().st_blocks * 512 > 1 << 30:
        pytest.skip("this file system stores holes")
    with pytest.raises(DataError, match=r"x_train\.npy: expected a file without holes"):
        load(folder)


@pytest.mark.usefixtures("large")
def test_many_labels_are_not_read_only_to_be_refused(folder):
    np.save(folder / "y_train.npy", np.zeros(1000, np.uint8))
    with pytest.raises(DataError, match=r"y_train\.npy: expected a label for each of the .*shape \(1000,\)"):
        load(folder)


def test_fortran_order_and_channels_last(tmp_path, arrays):
    colour = np.random.default_rng(0).random((7, 5, 6, 3), np.float32)
    np.save(tmp_path / "x_train.npy", np.asfortranarray(colour))
    np.save(tmp_path / "y_train.npy", arrays["y_train"])
    dataset = load(tmp_path)
    assert dataset.image_shape == (3, 5, 6)
    np.testing.assert_array_equal(dataset.train.take([4, 1])[0], colour[[4, 1]].transpose(0, 3, 1, 2))


def test_without_test_split(folder, same):
    (folder / "x_test.npy").unlink()
    (folder / "y_test.npy").unlink()
    same(load(folder), test=False)


@pytest.mark.parametrize("name", ["x_train.npy", "y_train.npy", "x_test.npy", "y_test.npy"])
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()
    with pytest.raises(DataError, match=f"expected the file {name}"):
        load(folder)


@pytest.mark.parametrize("change", [lambda data: data[:-1], lambda data: data + b"!", lambda data: data[:128]])
def test_truncated_or_extended(folder, change):
    path = folder / "x_train.npy"
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(DataError, match=r"x_train.npy: expected 210 bytes"):
        load(folder)


def test_objects_are_refused(folder):
    np.save(folder / "y_train.npy", np.array([None] * 7, dtype=object))
    with pytest.raises(DataError, match=r"y_train.npy: .* pickles"):
        load(folder)


def test_nan_and_no_images(folder):
    np.save(folder / "x_train.npy", np.full((7, 5, 6), np.inf))
    with pytest.raises(DataError, match="infinity in image 0"):
        load(folder)
    np.save(folder / "x_train.npy", np.zeros((0, 5, 6)))
    np.save(folder / "y_train.npy", np.zeros(0))
    with pytest.raises(DataError, match="at least one"):
        load(folder)


def test_a_bare_array_has_no_labels(folder):
    with pytest.raises(
        DataError, match=r"expected images and labels, got one array: put x_train\.npy and y_train\.npy"
    ):
        load(folder / "x_train.npy")


@pytest.mark.parametrize("change", [(b"NUMPY\x01\x00", b"NUMPY\x01\x5f"), (b"}  ", b"} \xa0"), (b"}  ", b"} \v")])
def test_a_header_that_numpy_does_not_read_is_refused(folder, change):
    path = folder / "x_train.npy"
    path.write_bytes(path.read_bytes().replace(*change, 1))
    with pytest.raises(ValueError, match=r"NPY|header|version"):
        np.load(path)
    with pytest.raises(DataError, match=r"x_train\.npy: expected an NPY"):
        load(folder)


def test_a_file_system_that_does_not_tell_what_it_stores_is_believed(folder, monkeypatch):
    path, real = folder / "x_train.npy", os.fstat

    def forget(descriptor):
        status = real(descriptor)
        names = ("st_mode", "st_size", "st_mtime_ns", "st_ino", "st_blksize")
        return SimpleNamespace(**{name: getattr(status, name) for name in names}, st_blocks=0)

    np.save(path, np.zeros((20, 2048, 2048), np.uint8))
    np.save(folder / "y_train.npy", np.zeros(20, np.int64))
    for name in ("x_test.npy", "y_test.npy"):
        (folder / name).unlink()
    monkeypatch.setattr(stored_images.os, "fstat", forget)
    assert len(load(folder).train) == 20
