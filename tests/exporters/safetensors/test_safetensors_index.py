"""Weights in several safetensors files, written by the format's own library: one file for whoever reads them."""

import json

import numpy as np
import pytest
import safetensors.numpy

from cnnkit.errors import WeightFileError
from cnnkit.exporters import read

FIRST, SECOND = "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"
ARRAYS = {
    FIRST: {"conv2.weight": np.arange(36, dtype=np.float32).reshape(2, 2, 3, 3), "conv2.bias": np.ones(2, np.float16)},
    SECOND: {"conv10.weight": np.zeros((1, 2, 1, 1)), "fc.weight": np.full((3, 4), 7, np.int8)},
}
NAMES = {name: shard for shard, arrays in ARRAYS.items() for name in arrays}


@pytest.fixture
def save(tmp_path):
    def save(names=NAMES, total=176):
        folder = tmp_path / "model"
        folder.mkdir(exist_ok=True)
        for shard, arrays in ARRAYS.items():
            safetensors.numpy.save_file(arrays, folder / shard)
        path = folder / "model.safetensors.index.json"
        path.write_text(json.dumps({"metadata": {"total_size": total}, "weight_map": names}, indent=2))
        return path

    return save


@pytest.mark.parametrize("named", ["index", "folder"])
def test_all_shards_are_read_as_one_file(save, named):
    path = save()
    weights = read(path if named == "index" else path.parent)
    assert weights.not_read == ()
    assert [t.name for t in weights] == ["conv2.weight", "conv2.bias", "conv10.weight", "fc.weight"]
    arrays = ARRAYS[FIRST] | ARRAYS[SECOND]
    assert all(weights[name].read().tobytes() == array.tobytes() for name, array in arrays.items())
    assert (weights["conv2.weight"].role, weights["conv2.weight"].axes) == ("weight", ("o", "i", "kh", "kw"))
    assert (weights.format, weights.file) == ("safetensors", str(path))
    assert weights.files == (str(path), str(path.with_name(FIRST)), str(path.with_name(SECOND)))
    assert weights.metadata == {"safetensors": {"total_size": 176}}


def test_the_values_of_a_tensor_are_read_from_its_shard_alone(save):
    path = save()
    weights = read(path)
    path.with_name(SECOND).unlink()
    assert weights["conv2.bias"].read().tolist() == [1, 1]
    with pytest.raises(WeightFileError, match="cannot be read: No such file"):
        weights["fc.weight"].read()


def test_a_shard_is_a_file_of_its_own_and_tells_of_its_index(save):
    path = save()
    weights = read(path.with_name(FIRST))
    assert [tensor.name for tensor in weights] == ["conv2.weight", "conv2.bias"]
    assert [item.line for item in weights.not_read] == [
        f"1 index beside it: this file is one of its shards: cnnkit inspect {path} reads all"
    ]
    assert weights.lacks == ()
    path.unlink()
    assert read(path.with_name(FIRST)).not_read == ()


def test_another_total_size_is_told(save):
    weights = read(save(total=180))
    assert [item.line for item in weights.not_read] == [
        "1 total_size of the index: says 180 bytes, the tensors have 176"
    ]
    assert weights.lacks == ()


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (NAMES | {"new": FIRST}, f"tensor new: shard {FIRST} does not hold it"),
        (NAMES | {"fc.weight": FIRST}, f"tensor fc.weight: shard {FIRST} does not hold it"),
        (
            {name: shard for name, shard in NAMES.items() if name != "fc.weight"},
            f"tensor fc.weight: in shard {SECOND}, the index places it in no shard",
        ),
    ],
)
def test_each_tensor_lies_where_the_index_says(save, names, message):
    with pytest.raises(WeightFileError, match=message) as caught:
        read(save(names))
    assert "model.safetensors.index.json: " in str(caught.value)
    assert caught.value.hint.startswith("the files are not those of one save")


def test_a_tensor_in_two_shards_is_refused(save):
    path = save()
    safetensors.numpy.save_file(ARRAYS[SECOND] | {"conv2.bias": np.ones(2)}, path.with_name(SECOND))
    message = f"tensor conv2.bias: in shard {SECOND}, the index places it in {FIRST}"
    with pytest.raises(WeightFileError, match=message):
        read(path)
