import numpy as np
import pytest

from cnnkit.data import load
from cnnkit.errors import DataError


@pytest.fixture
def folder(tmp_path, arrays):
    for key, values in arrays.items():
        np.save(tmp_path / f"{key}.npy", values)
    return tmp_path


def test_arrays_are_mapped(folder, same):
    dataset = load(folder)
    same(dataset)
    base = dataset.train.images
    while base is not None and not isinstance(base, np.memmap):
        base = base.base
    assert isinstance(base, np.memmap)


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
