"""Reference system A's weights: the real file, a small one, and what must be refused."""

import json
import math
import os
from pathlib import Path

import numpy as np
import pytest

from cnnkit.errors import WeightFileError
from cnnkit.exporters.diy_cnn import reader as diy_cnn_json
from cnnkit.exporters.diy_cnn.format import DiyCnnJsonFormat

FORMAT = DiyCnnJsonFormat()
SHAPES = {"conv_filters": [2, 1, 3, 3], "conv_biases": [2], "fc_weights": [3, 8], "fc_biases": [3]}


def entry(shape):
    return {"v": 1, "dim": list(shape), "data": [i / 4 for i in range(math.prod(shape))]}


@pytest.fixture
def document():
    return {key: entry(shape) for key, shape in SHAPES.items()}


@pytest.fixture
def save(tmp_path):
    def save(content):
        path = tmp_path / "pesos.json"
        path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
        return path

    return save


def test_tensors_are_named_as_in_the_tree_of_the_recipe(document, save):
    weights = FORMAT.read(save(document))
    assert [(t.name, t.layer, t.kind, t.role, t.axes, t.dtype, t.shape) for t in weights] == [
        ("0.weight", "0", "parameter", "weight", ("o", "i", "kh", "kw"), "float32", (2, 1, 3, 3)),
        ("0.bias", "0", "parameter", "bias", ("o",), "float32", (2,)),
        ("4.weight", "4", "parameter", "weight", ("out", "in"), "float32", (3, 8)),
        ("4.bias", "4", "parameter", "bias", ("out",), "float32", (3,)),
    ]
    np.testing.assert_array_equal(weights["4.weight"].read(), np.arange(24).reshape(3, 8) / 4)
    assert weights.architecture is None
    assert weights.metadata == {}  # not the published sizes, so not the recipe


def test_the_published_sizes_name_the_recipe(save):
    shapes = {"conv_filters": (8, 1, 3, 3), "conv_biases": (8,), "fc_weights": (10, 1352), "fc_biases": (10,)}
    weights = FORMAT.read(save({key: entry(shape) for key, shape in shapes.items()}))
    assert weights.metadata == {"recipe": "diy-cnn"}


@pytest.mark.mnist
def test_the_real_file():
    folder = os.environ.get("CNNKIT_DATA_DIR")
    if not folder or not (path := Path(folder) / "diy-cnn" / "pesos.json").is_file():
        pytest.skip("CNNKIT_DATA_DIR has no diy-cnn/pesos.json")
    assert FORMAT.recognises(path, path.read_bytes()[:8192])
    weights = FORMAT.read(path)
    assert weights.parameters == 13_610
    assert weights["0.weight"].read()[0, 0, 0].tolist() == np.float32([0.7544692, 1.0564941, 0.41909972]).tolist()
    assert weights["4.weight"].shape == (10, 1352)
    # Each decimal of the file is the shortest that means its float32: so every bit came through.
    text = json.loads(path.read_text(), parse_float=str, parse_int=str)["fc_weights"]["data"]
    assert all(float(np.float32(t)) == float(v) for t, v in zip(text, weights["4.weight"].read().flat, strict=True))
    assert weights.metadata["recipe"] == "diy-cnn"


def test_the_largest_float32_in_its_shortest_decimal(document, save):
    document["fc_biases"]["data"] = [3.4028235e38, -3.4028235e38, 1e-45]
    assert FORMAT.read(save(document))["4.bias"].read().view(np.uint32).tolist() == [0x7F7FFFFF, 0xFF7FFFFF, 1]


@pytest.mark.parametrize(
    ("head", "known"),
    [
        (b'{"conv_filters":{', True),
        (b'\xef\xbb\xbf \n{ "fc_biases" : {', True),
        (b'{"conv_filter":{', False),
        (b'{"model":{"conv_filters":', False),
        (b'["conv_filters"', False),
        (b"", False),
    ],
)
def test_recognised_by_content(head, known, tmp_path):
    assert FORMAT.recognises(tmp_path / "weights.bin", head) is known


def change(part, key, value):
    def apply(document):
        document[part][key] = value
        return document

    return apply


def without(key):
    return lambda document: {name: value for name, value in document.items() if name != key}


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (without("fc_biases"), "expected an object with conv_filters, .*, got conv_filters, conv_biases, fc_weights"),
        (lambda document: document | {"more": 1}, "expected an object with"),
        (lambda _: [1], "got no object"),
        (change("conv_biases", "more", 1), "conv_biases: expected an object with v, dim, data"),
        (lambda document: document | {"fc_biases": [1]}, "fc_biases: expected an object with v, dim, data"),
        (change("conv_biases", "v", 2), "conv_biases: expected v 1, got 2"),
        (change("conv_biases", "v", True), "conv_biases: expected v 1, got True"),
        (change("fc_weights", "dim", [3, 9]), r"fc_weights: expected 27 numbers for dim \[3, 9\], got 24"),
        (change("fc_weights", "dim", [24]), "fc_weights: expected dim of 2 positive integers"),
        (change("fc_weights", "dim", [-3, -8]), "fc_weights: expected dim of 2 positive integers"),
        (change("fc_weights", "dim", [0, 8]), "fc_weights: expected dim of 2 positive integers"),
        (change("fc_weights", "dim", [3.0, 8]), "fc_weights: expected dim of 2 positive integers"),
        (change("fc_weights", "dim", "38"), "fc_weights: expected dim of 2 positive integers"),
        (change("fc_weights", "dim", [10**30, 10**30]), "got 24"),
        (change("conv_biases", "data", "12"), "conv_biases: expected data to be a list"),
        (change("conv_biases", "data", [1, "2"]), "conv_biases: expected numbers, got '2' at index 1"),
        (change("conv_biases", "data", [True, 2]), "conv_biases: expected numbers, got True at index 0"),
        (change("conv_biases", "data", [None, 2]), "conv_biases: expected numbers, got None at index 0"),
        (change("conv_biases", "data", [1, 1e39]), r"conv_biases: 1e\+39 at index 1 does not fit float32"),
        (change("conv_biases", "data", [1, float("nan")]), "NaN is not JSON"),
        (change("conv_biases", "data", [1, -float("inf")]), "-Infinity is not JSON"),
        (change("conv_biases", "data", [1, 10**400]), "does not fit float32"),
        (
            lambda document: document | {"conv_biases": entry([3])},
            "conv_biases: expected 2 numbers, one for each output of conv_filters, got 3",
        ),
        (lambda _: b'{"conv_filters":1,"conv_filters":2}', "key conv_filters occurs twice"),
        (lambda _: b'{"conv_filters":1e999}', "number 1e999 is too large"),
        (lambda _: b'{"conv_filters":' + b"9" * 5000 + b"}", "integer string conversion"),
        (lambda _: b'{"conv_filters":' + b"[" * 200_000, "JSON nested too deep"),
        (lambda _: b'{"conv_filters":', "not JSON at line 1, column 17"),
        (lambda _: b'{"conv_filters":1} x', "not JSON at line 1, column 20: Extra data"),
        (lambda _: b'{"conv_filters":"\xff"}', "not UTF-8 at byte 17"),
    ],
)
def test_anything_else_is_one_clear_line(document, save, spoil, message):
    path = save(spoil(document))
    with pytest.raises(WeightFileError, match=message) as caught:
        FORMAT.read(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)
    assert (caught.value.kind, caught.value.file, caught.value.format) == ("unreadable", str(path), "diy-cnn-json")


def test_a_file_beyond_the_limit(document, save, monkeypatch):
    monkeypatch.setattr(diy_cnn_json, "_LIMIT", 10)
    with pytest.raises(WeightFileError, match="more than 10 for JSON") as caught:
        FORMAT.read(save(document))
    assert caught.value.kind == "too_big"
