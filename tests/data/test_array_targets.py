"""Targets of any shape, sample weights and layouts, alike in .npz, .h5 and folders of .npy."""

import h5py
import numpy as np
import pytest

from cnnkit.data import Reading, load
from cnnkit.errors import DataError

RNG = np.random.default_rng(8)
IMAGES = RNG.integers(0, 256, (6, 5, 4), np.uint8)
COLOUR = RNG.integers(0, 256, (6, 5, 4, 3), np.uint8)
MAPS = RNG.integers(0, 3, (6, 5, 4))


def write_npz(folder, **arrays):
    np.savez(folder / "a.npz", **arrays)
    return folder / "a.npz"


def write_hdf5(folder, **arrays):
    with h5py.File(folder / "a.h5", "w") as file:
        for name, array in arrays.items():
            file[name] = array
    return folder / "a.h5"


def write_npy(folder, **arrays):
    (folder / "a").mkdir()
    for name, array in arrays.items():
        np.save(folder / "a" / f"{name}.npy", array)
    return folder / "a"


@pytest.fixture(params=[write_npz, write_hdf5, write_npy])
def write(request, tmp_path):
    return lambda **arrays: request.param(tmp_path, **arrays)


@pytest.mark.parametrize(
    ("y", "kind", "shape"),
    [
        (np.arange(6) % 3, "class", ()),
        (np.arange(6) + 0.5, "numbers", (1,)),
        (np.arange(12).reshape(6, 2) / 3, "numbers", (2,)),
        (np.array([[0, 1], [1, 1], [0, 0]] * 2), "tags", (2,)),
        (MAPS, "class_map", (5, 4)),
        (COLOUR, "values", (3, 5, 4)),
        (COLOUR.transpose(0, 3, 1, 2), "values", (3, 5, 4)),
    ],
)
def test_each_kind_of_target(write, y, kind, shape):
    x = COLOUR if y.shape[1:] == (5, 4, 3) else COLOUR.transpose(0, 3, 1, 2) if kind == "values" else IMAGES
    dataset = load(write(x_train=x, y_train=y, x_test=x[:2], y_test=y[:2]))
    assert (dataset.target.kind, dataset.target.shape) == (kind, shape)
    stored = dataset.train.targets.take(np.arange(6)).reshape(6, -1)
    wanted = y.transpose(0, 3, 1, 2) if y.shape[1:] == (5, 4, 3) else y
    np.testing.assert_array_equal(stored, wanted.reshape(6, -1))
    assert dataset.test.targets.kind == kind


def test_several_outputs_and_weights(write):
    dataset = load(write(x_train=IMAGES, y_train_kind=np.arange(6) % 2, y_train_size=np.arange(6) / 2,
                         w_train=np.arange(6.0)))  # fmt: skip
    assert {name: spec.kind for name, spec in dataset.target.items()} == {"kind": "class", "size": "numbers"}
    np.testing.assert_array_equal(dataset.train.weights, np.arange(6))


def test_a_number_that_counts_nowhere(write):
    path = write(x_train=IMAGES, y_train=np.where(MAPS == 2, 255, MAPS).astype(np.uint8))
    values = load(path, Reading(ignore=255)).train.targets.values
    np.testing.assert_array_equal(values, np.where(MAPS == 2, -1, MAPS))


@pytest.mark.parametrize(
    ("x", "layout", "sample", "shape", "read"),
    [
        (np.zeros((6, 9), np.float32), None, None, (9,), "F"),
        (np.zeros((6, 9), np.float32), None, (1, 9), (1, 9), "L"),
        (np.zeros((6, 2, 9), np.float32), None, (2, 9), (2, 9), "CL"),
        (np.zeros((6, 2, 9), np.float32), None, None, (1, 2, 9), "HW"),
        (np.zeros((6, 9, 2), np.float32), "LC", None, (2, 9), "LC"),
        (np.zeros((6, 5, 8, 9), np.float32), "CHW", None, (5, 8, 9), "CHW"),
        (np.zeros((6, 8, 9, 5), np.float32), None, (5, 8, 9), (5, 8, 9), "HWC"),
        (np.zeros((6, 1, 4, 8, 9), np.float32), None, None, (1, 4, 8, 9), "CDHW"),
        (np.zeros((6, 4, 8, 9), np.float32), "DHW", None, (1, 4, 8, 9), "DHW"),
    ],
)
def test_layouts(write, x, layout, sample, shape, read):
    dataset = load(write(x_train=x, y_train=np.arange(6) % 2), Reading(layout=layout, sample=sample))
    assert dataset.image_shape == shape
    if layout or (sample and read not in ("F", "CL")):
        assert any(f"are read as {read}" in note for note in dataset.notes) == (x.shape[1:] != shape)
    assert dataset.reading.layout == layout


def test_the_loss_decides_about_whole_floats_and_maps(write):
    path = write(x_train=IMAGES, y_train=np.arange(6.0))
    assert load(path).target.kind == "class"
    assert load(path, Reading(numbers=True)).target.kind == "numbers"


def test_images_to_images_where_the_loss_compares_numbers(write):
    dataset = load(write(x_train=IMAGES, y_train=IMAGES), Reading(numbers=True))
    assert (dataset.target.kind, dataset.target.shape) == ("values", (1, 5, 4))


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"y_train": np.arange(5)}, "a label for each of the 6 images"),
        ({"y_train": np.arange(6), "y_train_b": np.arange(6)}, "targets of one output, y_train, or of several"),
        ({"y_train_b": np.arange(4)}, "a label for each of the 6 images"),
        ({"y_train": np.arange(6), "w_train": np.arange(5.0)}, r"weights|a number for each"),
        ({"y_train": np.arange(6), "w_train": -np.arange(6.0)}, r"w_train.*: expected finite numbers >= 0"),
        ({"y_train": np.arange(6), "x_test": IMAGES}, "y_test"),
        ({"y_train": np.full(6, np.nan)}, "finite numbers"),
        ({"y_train": np.full((6, 2), np.inf)}, "finite numbers"),
        ({"y_train": np.full((6, 1, 5, 4), np.nan)}, "finite"),
        ({"y_train": np.arange(6) - 1}, "whole labels in 0"),
    ],
)
def test_what_cannot_be_used_is_one_line(write, arrays, said):
    with pytest.raises(DataError, match=said) as caught:
        load(write(x_train=IMAGES, **arrays))
    assert "\n" not in str(caught.value)
