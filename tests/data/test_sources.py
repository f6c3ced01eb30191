import builtins
import os

import numpy as np
import pytest

from cnnkit.data import known, load
from cnnkit.data.sources import BUILTIN
from cnnkit.errors import DataError


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr("cnnkit.data.sources.cache_folder", lambda: tmp_path / "cache")
    (tmp_path / "cache").mkdir()
    return tmp_path / "cache"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("CNNKIT_DATA_DIR", str(tmp_path / "dir"))
    (tmp_path / "dir").mkdir()
    return tmp_path / "dir"


def small(arrays, value):
    return {**arrays, "x_train": np.full_like(arrays["x_train"], value)}


def first_pixel(dataset):
    return int(dataset.train.images[0][0, 0, 0])


def test_mnist_is_searched_in_the_folder_then_in_the_cache(folder, cache, arrays, write_idx):
    with pytest.raises(DataError, match=r"type `cnnkit data fetch mnist`, or set CNNKIT_DATA_DIR"):
        load("mnist")
    write_idx(cache / "mnist", zipped=True)
    assert first_pixel(load("mnist")) == arrays["x_train"][0, 0, 0]
    write_idx(folder)
    (folder / "train-images-idx3-ubyte").write_bytes((folder / "t10k-images-idx3-ubyte").read_bytes())
    (folder / "train-labels-idx1-ubyte").write_bytes((folder / "t10k-labels-idx1-ubyte").read_bytes())
    assert first_pixel(load("mnist")) == arrays["x_test"][0, 0, 0]
    for name, value in (("a", 7), ("mnist", 8)):
        np.savez(folder / f"{name}.npz", **small(arrays, value))
    dataset = load("mnist")
    assert (first_pixel(dataset), dataset.name, dataset.licence) == (8, "mnist", "CC BY-SA 3.0")
    assert dataset.class_names == tuple("0123456789")


@pytest.mark.usefixtures("cache")
def test_fashion_mnist_does_not_take_the_idx_files_of_mnist(folder, write_idx):
    write_idx(folder)
    with pytest.raises(DataError, match="cnnkit data fetch fashion-mnist"):
        load("fashion-mnist")
    write_idx(folder / "fashion-mnist")
    assert load("fashion-mnist").class_names[9] == "Ankle boot"


def test_a_bare_name_is_found_in_folder_cache_and_here(folder, cache, arrays, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for value, place in ((1, tmp_path / "mine.npz"), (2, cache / "mine.npz"), (3, folder / "mine.npz")):
        np.savez(place, **small(arrays, value))
        assert first_pixel(load("mine.npz")) == value
    assert first_pixel(load("mine")) == 3
    assert first_pixel(load("./mine.npz")) == 1
    assert load("./mine.npz").name == "./mine.npz"


@pytest.mark.usefixtures("cache")
def test_known_names_the_location(folder, write_idx):
    entries = {entry.name: entry for entry in known()}
    assert list(entries) == [*list(BUILTIN), "mnist", "fashion-mnist"]
    assert entries["mnist"].location is None
    assert entries["mnist"].download_bytes == 11_594_722
    write_idx(folder / "mnist")
    assert {entry.name: entry for entry in known()}["mnist"].location == str(folder / "mnist")
    for name in ("digits", "bright-dark"):
        dataset, entry = load(name), entries[name]
        assert (len(dataset.train), len(dataset.split("test"))) == (entry.train_images, entry.test_images)
        assert (dataset.image_shape, len(dataset.class_names)) == (entry.image_shape, entry.classes)
        assert (dataset.licence, entry.location is not None) == (entry.licence, True)


@pytest.mark.usefixtures("cache")
@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("digit", "did you mean digits"),
        ("minst", "did you mean mnist"),
        ("", "expected a data set's name"),
        ("zzzzzz", "cnnkit data list"),
        ("no/such/folder/x.csv", "nothing of that name"),
        ("a\0b", "nothing of that name"),
        ("x" * 5000, "nothing of that name"),
        ("\x1b[31m", "nothing of that name"),
    ],
)
def test_sources_that_do_not_exist(source, message):
    with pytest.raises(DataError, match=message) as caught:
        load(source)
    assert not set("\n\0\x1b") & set(str(caught.value))


def test_a_file_with_a_similar_name_is_suggested(tmp_path):
    (tmp_path / "train.csv").write_text("x")
    with pytest.raises(DataError, match=r"did you mean train\.csv\?"):
        load(tmp_path / "trian.csv")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.txt", b"hello", "expected a folder with IDX files"),
        ("a", b"", "begins with nothing"),
        ("a.pkl", b"\x80\x04.", "a pickle can run code"),
        ("train-images-idx3-ubyte", b"\x00\x00\x08\x03", "name the folder that holds"),
    ],
)
def test_files_that_no_reader_knows(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=message):
        load(tmp_path / name)


def test_folders_and_devices_that_hold_nothing(tmp_path):
    with pytest.raises(DataError, match="an empty folder"):
        load(tmp_path)
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(DataError, match=r"got a\.txt"):
        load(tmp_path)
    with pytest.raises(DataError, match="a device, pipe or socket"):
        load(os.devnull)


def test_a_file_that_may_not_be_read(tmp_path, monkeypatch):
    path = tmp_path / "a.csv"
    path.write_text("x")

    def denied(*_):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("cnnkit.files.regular_file.os.open", denied)
    with pytest.raises(DataError, match=r"a\.csv: cannot be read: Permission denied"):
        load(path)


def test_without_pooch_the_folder_still_works(folder, write_idx, monkeypatch):
    real = builtins.__import__

    def no_pooch(name, *rest):
        if name == "pooch":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", no_pooch)
    with pytest.raises(DataError, match="cnnkit data fetch mnist"):
        load("mnist")
    write_idx(folder)
    assert len(load("mnist").train) == 7
