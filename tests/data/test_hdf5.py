import os

import h5py
import numpy as np
import pytest

from cnnkit.data import hdf5_reader, load
from cnnkit.data.hdf5_reader import Hdf5Images
from cnnkit.errors import DataError
from cnnkit.files.hdf5.runs import StoredRuns


@pytest.fixture
def path(tmp_path):
    return tmp_path / "set.h5"


def write(path, arrays, **options):
    with h5py.File(path, "w") as file:
        for key, values in arrays.items():
            file.create_dataset(key, data=values, **(options if key[0] == "x" else {}))
    return path


@pytest.mark.parametrize("options", [{}, {"chunks": (2, 5, 6), "compression": "gzip", "fletcher32": True}])
def test_values_and_laziness(path, arrays, same, options, monkeypatch):
    write(path, arrays, **options)
    monkeypatch.setattr(Hdf5Images, "read", lambda *_: pytest.fail("pixels were read while opening"))
    dataset = load(path)
    monkeypatch.undo()
    same(dataset)
    images = dataset.train.images[np.array([6, 6, 1])]
    np.testing.assert_array_equal(images, arrays["x_train"][[6, 6, 1]][:, None])


@pytest.mark.parametrize("options", [{}, {"chunks": (2, 5, 6), "compression": "gzip"}])
def test_reads_only_what_is_asked_for(path, arrays, options, monkeypatch):
    asked = []
    images = load(write(path, arrays, **options)).train.images.stored
    direct, ask = StoredRuns.read, hdf5_reader.read_rows

    def read_direct(runs, parts):
        asked.append([(begin // 30, end // 30) for begin, end in parts])
        return direct(runs, parts)

    def read_by_worker(path, place, stored, rows):
        asked.append(rows)
        return ask(path, place, stored, rows)

    monkeypatch.setattr(StoredRuns, "read", read_direct)
    monkeypatch.setattr(hdf5_reader, "read_rows", read_by_worker)
    np.testing.assert_array_equal(images.read(np.array([5, 1, 2, 5, 0])), arrays["x_train"][[5, 1, 2, 5, 0]])
    monkeypatch.setattr(hdf5_reader, "_TOGETHER", 60)
    np.testing.assert_array_equal(images.read(np.array([6, 5, 4, 2, 1])), arrays["x_train"][[6, 5, 4, 2, 1]])
    assert images.read(np.zeros(0, np.int64)).shape == (0, 5, 6)
    assert asked == [[(0, 3), (5, 6)], [(1, 3)], [(4, 6)], [(6, 7)]]


def test_a_file_that_changes_while_it_is_used(path, arrays):
    for options in ({}, {"chunks": (2, 5, 6), "compression": "gzip"}):
        dataset = load(write(path, arrays, **options))
        os.utime(path, (1, 1))
        with pytest.raises(DataError, match=r"set\.h5: changed since it was listed"):
            dataset.train.take([0])


def test_channels_last_and_the_other_suffix(tmp_path, arrays):
    colour = np.random.default_rng(0).integers(0, 255, (7, 5, 6, 3), np.uint8)
    path = write(tmp_path / "set.hdf5", {"x_train": colour, "y_train": np.eye(3)[arrays["y_train"]]})
    dataset = load(path)
    assert dataset.image_shape == (3, 5, 6)
    np.testing.assert_array_equal(dataset.train.take([4, 0])[0], colour[[4, 0]].transpose(0, 3, 1, 2))
    np.testing.assert_array_equal(dataset.train.labels, arrays["y_train"])


def test_without_test_split(path, arrays, same):
    same(load(write(path, {key: arrays[key] for key in ("x_train", "y_train")})), test=False)


@pytest.mark.parametrize("key", ["x_train", "y_train", "x_test", "y_test"])
def test_a_missing_data_set_is_named(path, arrays, key):
    del arrays[key]
    with pytest.raises(DataError, match=rf"set\.h5: expected a data set {key}, got data sets "):
        load(write(path, arrays))


def test_same_images_same_fingerprint_as_npz(path, tmp_path, arrays):
    np.savez(tmp_path / "set.npz", **arrays)
    assert load(write(path, arrays)).fingerprint() == load(tmp_path / "set.npz").fingerprint()


@pytest.mark.parametrize("link", ["soft", "external"])
def test_links_are_not_followed(path, tmp_path, arrays, link):
    outside = write(tmp_path / "outside.h5", arrays)
    images = arrays.pop("x_train")
    write(path, arrays)
    with h5py.File(path, "a") as file:
        file["elsewhere"] = images
        file["x_train"] = h5py.SoftLink("/elsewhere") if link == "soft" else h5py.ExternalLink(outside, "x_train")
    with pytest.raises(DataError, match=r"x_train: .*not followed"):
        load(path)


def test_external_storage_and_virtual_data_sets_are_refused(path, tmp_path, arrays):
    shape = arrays.pop("x_train").shape
    (tmp_path / "raw").write_bytes(bytes(210))
    with h5py.File(write(path, arrays), "a") as file:
        file.create_dataset("x_train", shape, np.uint8, external=[(str(tmp_path / "raw"), 0, 210)])
    with pytest.raises(DataError, match="x_train: external storage"):
        load(path)
    with h5py.File(write(path, arrays), "a") as file:
        layout = h5py.VirtualLayout(shape, np.uint8)
        layout[:] = h5py.VirtualSource(str(tmp_path / "other.h5"), "x", shape)
        file.create_virtual_dataset("x_train", layout)
    with pytest.raises(DataError, match="x_train: virtual"):
        load(path)


def test_pixels_and_labels_that_cannot_be_used(path, arrays):
    for key, values, message in (
        ("x_train", np.full((7, 5, 6), np.nan), "NaN"),
        ("x_train", np.zeros((0, 5, 6), np.uint8), "expected"),
        ("x_train", np.zeros((7, 30), np.uint8), "as layout F says"),
        ("y_train", np.arange(6), "each of the 7 images"),
        ("y_train", np.array([b"a"] * 7), "text, not numbers"),
    ):
        with pytest.raises(DataError, match=message):
            load(write(path, {**arrays, key: values}))


def test_huge_labels_are_not_read(path, arrays):
    del arrays["y_train"]
    with h5py.File(write(path, arrays), "a") as file:
        file.create_dataset("y_train", (1 << 31,), np.int8, chunks=(1 << 20,))
    with pytest.raises(DataError, match="y_train: declares 2147483648 bytes and stores 0"):
        load(path)


def test_more_labels_than_fit_into_memory_are_not_read(path, arrays, monkeypatch):
    monkeypatch.setattr(hdf5_reader, "LARGEST_LABELS", 6)
    with pytest.raises(DataError, match="y_train: expected labels of at most 6 bytes, got 56"):
        load(write(path, arrays))


def test_damage_is_refused_in_one_line(path, arrays):
    write(path, arrays, chunks=(2, 5, 6), fletcher32=True)
    good = path.read_bytes()
    at = good.index(arrays["x_train"][:2].tobytes())
    path.write_bytes(good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :])
    dataset = load(path)
    with pytest.raises(DataError, match="x_train: damaged") as caught:
        dataset.train.take([0])
    assert "\n" not in str(caught.value)
    cut = path.with_name("cut.h5")  # libhdf5 knows an open file again by its inode
    cut.write_bytes(good[: len(good) // 2])
    with pytest.raises(DataError, match=r"cut\.h5"):
        load(cut)


def test_a_file_that_is_not_hdf5(path):
    path.write_bytes(b"something else")
    with pytest.raises(DataError, match="expected an HDF5 file, got bytes"):
        load(path)
