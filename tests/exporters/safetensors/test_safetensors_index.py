"""Weights in several safetensors files: the index alone lists them, --external reads them, from its folder alone."""

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
    def save(names=NAMES, text=None):
        folder = tmp_path / "model"
        folder.mkdir()
        for shard, arrays in ARRAYS.items():
            safetensors.numpy.save_file(arrays, folder / shard)
        safetensors.numpy.save_file(ARRAYS[FIRST], tmp_path / "secret.safetensors")
        path = folder / "model.safetensors.index.json"
        path.write_text(text or json.dumps({"metadata": {"total_size": 176}, "weight_map": names}, indent=2))
        return path

    return save


def test_all_files_are_read_as_one(save):
    path = save()
    weights = read(path, external=True)
    assert weights.not_read == ()
    assert [t.name for t in weights] == ["conv2.weight", "conv2.bias", "conv10.weight", "fc.weight"]
    arrays = ARRAYS[FIRST] | ARRAYS[SECOND]
    assert all(weights[name].read().tobytes() == array.tobytes() for name, array in arrays.items())
    assert (weights["conv2.weight"].role, weights["conv2.weight"].axes) == ("weight", ("o", "i", "kh", "kw"))
    assert (weights.format, weights.file, weights.metadata) == (
        "safetensors",
        str(path),
        {"safetensors": {"total_size": 176}},
    )
    assert read(path.with_name(FIRST), external=True)["conv2.bias"].dtype == "float16"  # a file of its own


def test_the_index_alone_says_what_lies_where(save):
    weights = read(save())
    assert len(weights) == 0
    assert [(item.what, item.count, item.reason) for item in weights.not_read] == [
        (f"tensors in {FIRST}", 2, "--external reads them"),
        (f"tensors in {SECOND}", 2, "--external reads them"),
    ]


@pytest.mark.parametrize(
    ("names", "read_names", "not_read"),
    [
        (
            {"a": "../secret.safetensors"},
            [],
            ("tensors in ../secret", "../secret.safetensors is not a path"),
        ),
        ({"a": "none.safetensors"}, [], ("tensors in none.safetensors", "none.safetensors is missing: put it into")),
        ({"a": "model.safetensors.index.json", "conv2.bias": FIRST}, ["conv2.bias"], ("tensors in model", "a header")),
        (NAMES | {"new": FIRST}, [*NAMES], ("new", f"{FIRST} does not hold it")),
        (NAMES | {"fc.weight": FIRST}, [*NAMES][:3], ("fc.weight", f"{FIRST} does not hold it")),
    ],
)
def test_what_does_not_fit_is_listed_and_the_rest_read(save, names, read_names, not_read):
    weights = read(save(names), external=True)
    assert {t.name for t in weights} == {*read_names}
    assert weights.not_read[0].what.startswith(not_read[0])
    assert weights.not_read[0].reason.startswith(not_read[1])


def test_tensors_that_the_index_does_not_name_are_listed(save):
    weights = read(save({"conv2.bias": FIRST}), external=True)
    assert [(item.what, item.reason) for item in weights.not_read] == [
        ("conv2.weight", f"in {FIRST}, where the index does not place it")
    ]


def test_the_tensors_of_all_files_are_counted(save, monkeypatch):
    monkeypatch.setattr("cnnkit.exporters.safetensors.index._MOST_TENSORS", 3)
    with pytest.raises(WeightFileError, match="more than 3 tensors") as caught:
        read(save(), external=True)
    assert caught.value.kind == "too_big"


def test_a_link_out_of_the_folder_is_not_followed(save, tmp_path):
    path = save({"conv2.bias": FIRST})
    path.with_name(FIRST).unlink()
    path.with_name(FIRST).symlink_to(tmp_path / "secret.safetensors")
    weights = read(path, external=True)
    assert len(weights) == 0
    assert "a link out of the folder, not followed: copy the file there" in weights.not_read[0].reason


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"weight_map": ["a.safetensors"]}', 'expected an object with "weight_map"'),
        ('{"weight_map": {"a": ["x.safetensors"]}}', 'expected an object with "weight_map"'),
        ('{"weight_map": {"a": "x.safetensors"', "not JSON"),
        ('{"weight_map": {"a": "x.safetensors", "a": "y.safetensors"}}', "key a occurs twice"),
        (json.dumps({"weight_map": {str(n): f"{n}.safetensors" for n in range(10_001)}}), "more than 10000 files"),
    ],
)
def test_a_damaged_index_is_one_line(save, text, message):
    with pytest.raises(WeightFileError, match=message) as caught:
        read(save(text=text), external=True)
    assert "\n" not in str(caught.value)
