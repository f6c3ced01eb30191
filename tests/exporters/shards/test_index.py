"""The index of shards, whatever their format: which files it may name, and how an error says which one is wrong."""

import json
import os
import shutil

import numpy as np
import pytest
import safetensors.numpy

from cnnkit.errors import WeightFileError
from cnnkit.exporters import read
from cnnkit.exporters.shards import index as shard_index
from cnnkit.exporters.shards.folder import find_index


@pytest.fixture
def place(tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    for name in ("a", "b"):
        safetensors.numpy.save_file({name: np.ones(2, np.float32)}, folder / f"{name}.safetensors")
    safetensors.numpy.save_file({"b": np.ones(2, np.float32)}, tmp_path / "secret.safetensors")
    return folder / "model.safetensors.index.json"


def write(place, second, **more):
    place.write_text(json.dumps({"weight_map": {"a": "a.safetensors", "b": second}} | more))
    return place


@pytest.mark.parametrize(
    ("second", "kind", "message"),
    [
        ("../secret.safetensors", "refused", "is not a path inside the folder"),
        ("/etc/x.safetensors", "refused", "is not a path inside the folder"),
        ("C:\\x.safetensors", "refused", "is not a path inside the folder"),
        ("c/../../secret.safetensors", "refused", "is not a path inside the folder"),
        ("c\0.safetensors", "refused", "is not a path inside the folder"),
        ("c.safetensors", "unreadable", "c.safetensors is missing"),
        ("a.safetensors/b.safetensors", "unreadable", "cannot be opened: "),
    ],
)
def test_a_shard_is_a_file_inside_the_folder(place, second, kind, message):
    with pytest.raises(WeightFileError, match=r"b in shard .*" + message) as caught:
        read(write(place, second))
    assert caught.value.kind == kind
    assert caught.value.file == str(place)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("second", ["../secret.txt", "model.safetensors.index.json", "b.bin", ""])
def test_a_shard_has_the_suffix_of_its_format_or_is_not_opened(place, second):
    with pytest.raises(WeightFileError, match=r"weight_map: b in .*: expected a file in \.safetensors: not opened"):
        read(write(place, second))


def test_links_out_of_the_folder_pipes_and_folders_are_refused(place, tmp_path):
    write(place, "b.safetensors")
    shard = place.with_name("b.safetensors")
    shard.unlink()
    shard.symlink_to(tmp_path / "secret.safetensors")
    with pytest.raises(WeightFileError, match=r"b in shard b\.safetensors: .* is a link out of the folder"):
        read(place)
    shard.unlink()
    os.mkfifo(shard)
    with pytest.raises(WeightFileError, match=r"b in shard b\.safetensors: .* is not a file"):
        read(place)
    shard.unlink()
    shard.mkdir()
    with pytest.raises(WeightFileError, match=r"b in shard b\.safetensors: .* is not a file"):
        read(place)


def test_a_link_within_the_folder_and_a_folder_below_are_fine(place):
    (place.parent / "below").mkdir()
    shutil.move(place.with_name("b.safetensors"), place.parent / "below" / "real.safetensors")
    place.with_name("b.safetensors").symlink_to("below/real.safetensors")
    assert read(write(place, "b.safetensors"))["b"].read().tolist() == [1, 1]
    assert read(write(place, "below/real.safetensors"))["b"].read().tolist() == [1, 1]


def test_one_file_under_two_names_holds_nothing_twice(place):
    place.with_name("c.safetensors").symlink_to("b.safetensors")
    names = {"a": "a.safetensors", "b": "b.safetensors", "c": "c.safetensors"}
    with pytest.raises(WeightFileError, match=r"tensor c: shard c\.safetensors does not hold it"):
        read(write(place, "", weight_map=names))


def test_a_damaged_shard_is_named_with_its_index(place):
    place.with_name("b.safetensors").write_bytes(b"\xff" * 20)
    with pytest.raises(
        WeightFileError, match=r"index\.json: b in shard b\.safetensors: a header of \d+ bytes"
    ) as caught:
        read(write(place, "b.safetensors"))
    assert caught.value.kind == "too_big"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"weight_map": ["a.safetensors"]}', 'expected an object with "weight_map"'),
        ('{"weight_map": {"a": 3, "b": "x.safetensors"}}', "weight_map: a: expected the name of a file"),
        ('{"weight_map": {"a": [], "b": "x.safetensors"}}', "weight_map: a: expected the name of a file"),
        ('{"weight_map": {"a": ["x.safetensors", "x.safetensors"]}}', "weight_map: a: expected the name of a file"),
        ('{"weight_map": {"a": "x.safetensors"', "not JSON"),
        ('{"weight_map": {"a": "x.safetensors", "a": "y.safetensors"}}', "key a occurs twice"),
        (json.dumps({"weight_map": {str(n): f"{n}.safetensors" for n in range(10_001)}}), "10,001 shards, more than"),
    ],
)
def test_a_damaged_index_is_one_line(place, text, message):
    place.write_text(text)
    with pytest.raises(WeightFileError, match=message) as caught:
        read(place)
    assert "\n" not in str(caught.value)


def test_the_size_of_an_index_and_the_tensors_of_all_shards_are_bounded(place, monkeypatch):
    write(place, "b.safetensors")
    monkeypatch.setattr(shard_index, "MOST_TENSORS", 1)
    with pytest.raises(WeightFileError, match="more than 1 tensors") as caught:
        read(place)
    assert caught.value.kind == "too_big"
    monkeypatch.setattr(shard_index, "_LARGEST", 10)
    with pytest.raises(WeightFileError, match="bytes, more than 10 for JSON"):
        read(place)


def test_a_folder_with_several_indices_says_which_to_name(place):
    write(place, "b.safetensors")
    assert find_index(place.parent) == place
    place.with_name("pytorch_model.bin.index.json").write_text("{}")
    with pytest.raises(WeightFileError, match="2 indices of shards") as caught:
        read(place.parent)
    assert str(place) in caught.value.hint


def test_a_folder_without_an_index_is_explained(place):
    with pytest.raises(WeightFileError, match="a folder, not a file"):
        read(place.parent)
