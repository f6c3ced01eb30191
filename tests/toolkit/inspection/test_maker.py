"""What a file tells of its maker is found wherever it stands, and left out whole."""

import numpy as np
import pytest

from cnnkit.exporters.core.weight_file import Tensor, WeightFile
from cnnkit.inspection.maker import describe_maker, drop_maker


def file(metadata):
    return WeightFile((Tensor.of("0.weight", np.zeros(2)),), None, metadata)


TOLD = {
    "data": (
        {"data": {"name": "imgs", "path": "../imgs", "sha256": "ab"}},
        {"data.name": "imgs", "data.path": "../imgs"},
    ),
    "run": (
        {"run": {"data": {"name": "imgs"}, "threads": 8, "device": "cpu"}},
        {"run.data.name": "imgs", "run.threads": "8"},
    ),
    "origin": ({"exported_from": {"file": "anna.h5", "sha256": "cd"}}, {"exported_from.file": "anna.h5"}),
    "machine": (
        {"provenance": {"backend": "numpy", "dtype": "float32", "threads": 2, "versions": {"python": "3.12"}}},
        {"provenance.threads": "2", "provenance.versions.python": "3.12"},
    ),
    "unix path": ({"note": "from /home/anna/x.csv"}, {"note": "from /home/anna/x.csv"}),
    "mac path": ({"a": [{"b": "/Users/anna/x"}]}, {"a.0.b": "/Users/anna/x"}),
    "windows path": ({"a": "C:\\Users\\anna"}, {"a": "C:\\Users\\anna"}),
    "share": ({"a": r"\\server\anna"}, {"a": r"\\server\anna"}),
    "home": ({"a": "~/x"}, {"a": "~/x"}),
    "url": ({"a": "see file:///x"}, {"a": "see file:///x"}),
    "address": ({"a": "anna@host"}, {"a": "anna@host"}),
    "date": ({"date_saved": "2024-01-01@12:00"}, {"date_saved": "2024-01-01@12:00"}),
    "author": ({"Author": "Anna"}, {"Author": "Anna"}),
    "escaped": ({"user": "\x1b[31m"}, {"user": r"\x1b[31m"}),
}


@pytest.mark.parametrize(("metadata", "told"), TOLD.values(), ids=TOLD)
def test_what_a_file_tells_is_found_and_left_out(metadata, told):
    assert describe_maker(file(metadata)) == told
    left = drop_maker(file(metadata))
    assert describe_maker(left) == {}
    assert "anna" not in str(left.metadata).lower()


def test_what_tells_nothing_stays():
    metadata = {
        "recipe": "lenet5", "seed": 1, "data": {"name": "mnist", "sha256": "ab"}, "run": {"options": {"epochs": 3}},
        "class_names": ["and/or", "T-shirt/top", "/a/b", "1/2"], "history": [{"loss": 0.5, "validation_loss": None}],
        "loss": "softmax_cross_entropy", "optimizer": "sgd:momentum=0.9,nesterov=true", "scaling": {"factor": 1 / 255},
        "provenance": {"backend": "numpy", "dtype": "float32"},
    }  # fmt: skip
    assert describe_maker(file(metadata), {"mnist"}) == {}
    assert drop_maker(file(metadata), {"mnist"}).metadata == metadata


def test_what_is_nested_too_deeply_to_be_looked_through_is_left_out():
    deep = value = {}
    for _ in range(200):
        value["a"] = {}
        value = value["a"]
    value["b"] = "/home/anna/x"
    assert list(describe_maker(file(deep)).values()) == ["nested too deeply to be looked through"]
    assert "anna" not in str(drop_maker(file(deep)).metadata)
