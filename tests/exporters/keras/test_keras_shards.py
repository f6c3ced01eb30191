"""Sharded weights of Keras: `save_weights(..., max_shard_size=)` by Keras itself, read as its one file is."""

import json
import shutil

import h5py
import pytest

from cnnkit.errors import WeightFileError
from cnnkit.exporters import read

SAVE = """
import sys
import keras
keras.utils.set_random_seed(1)
net = keras.Sequential([
    keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3), keras.layers.BatchNormalization(), keras.layers.Flatten(),
    keras.layers.Dense(10), keras.layers.Dense(10),
])
net.save_weights(sys.argv[1] + "/net.weights.json", max_shard_size=5.8e-6)
net.save_weights(sys.argv[1] + "/whole.weights.h5")
"""


@pytest.fixture(scope="module")
def saved(tmp_path_factory, keras_process):
    folder = tmp_path_factory.mktemp("keras")
    keras_process.run(SAVE, str(folder))
    return folder


@pytest.fixture
def folder(saved, tmp_path):
    return shutil.copytree(saved, tmp_path / "net")


def test_shards_are_read_as_the_one_file_is(saved):
    index = json.loads((saved / "net.weights.json").read_text())
    files = index["weight_map"].values()
    assert {len(names) for names in files} == {1, 2}, "the variables of a layer lie in two shards"
    weights, whole = read(saved), read(saved / "whole.weights.h5")
    assert (weights.format, weights.not_read, len(weights.shards)) == ("keras", (), 3)
    assert weights.metadata == whole.metadata
    for ours, theirs in zip(weights, whole, strict=True):
        assert ours == theirs
        assert ours.sha256() == theirs.sha256()


def test_only_the_shard_of_a_tensor_is_opened_for_its_values(folder):
    weights = read(folder / "net.weights.json")
    (folder / "net_00000.weights.h5").unlink()
    assert weights["dense_1.bias"].read().shape == (10,)
    with pytest.raises(WeightFileError):
        weights["conv2d.kernel"].read()


def edit(folder, change):
    path = folder / "net.weights.json"
    index = json.loads(path.read_text())
    change(index["weight_map"])
    path.write_text(json.dumps(index))
    return path


def test_a_variable_that_is_not_where_the_index_says_is_one_line(folder):
    path = edit(folder, lambda names: names.update({"/layers/conv2d/vars": "net_00001.weights.h5"}))
    with pytest.raises(
        WeightFileError, match=r"layers/conv2d/vars: (shard|in shard) net_0000\d\.weights\.h5"
    ) as caught:
        read(path)
    assert caught.value.file == str(path)


def test_a_missing_shard_is_named(folder):
    (folder / "net_00001.weights.h5").unlink()
    with pytest.raises(WeightFileError, match=r"in shard net_00001\.weights\.h5: .* is missing"):
        read(folder)


def test_a_damaged_shard_is_named(folder):
    (folder / "net_00001.weights.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + b"\xff" * 500)
    with pytest.raises(WeightFileError, match=r"json: .* in shard net_00001\.weights\.h5: ") as caught:
        read(folder)
    assert "\n" not in str(caught.value)


def test_a_variable_in_two_shards_is_refused(folder):
    with h5py.File(folder / "net_00002.weights.h5", "a") as file:
        file["layers/conv2d/vars/0"] = [1.0]
    path = edit(
        folder, lambda names: names.update({"/layers/conv2d/vars": ["net_00000.weights.h5", "net_00002.weights.h5"]})
    )
    with pytest.raises(WeightFileError, match="variable layers/conv2d/vars/0: in two shards, net_00002"):
        read(path)


def test_a_shard_by_itself_tells_of_the_index(folder):
    weights = read(folder / "net_00000.weights.h5")
    assert "net.weights.json reads all" in weights.not_read[-1].line
