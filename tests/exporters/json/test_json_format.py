"""JSON documents that other tools rewrote are read; edits are named; what is not strict JSON of the form is refused."""

import json

import pytest

from cnnkit import exporters
from cnnkit.errors import WeightFileError
from cnnkit.exporters.json import reader as json_reader
from cnnkit.exporters.json.format import JsonFormat

FORMAT = JsonFormat()


@pytest.fixture
def document(weights, tmp_path):
    FORMAT.write(weights, tmp_path / "a.json")
    return json.loads((tmp_path / "a.json").read_bytes())


@pytest.fixture
def save(tmp_path):
    def save(content):
        path = tmp_path / "b.json"
        path.write_bytes(content if isinstance(content, bytes) else json.dumps(content, indent=2).encode())
        return path

    return save


def test_a_rewritten_document_is_the_same(weights, contents, document, save):
    back = exporters.read(save(document))
    assert (contents(back), back.format, back.edited) == (contents(weights), "json", ())
    assert contents(FORMAT.read(save(b"\xef\xbb\xbf" + json.dumps(document).encode()))) == contents(weights)


def test_an_edit_names_its_tensor(document, save):
    document["tensors"][0]["values"][0] = 0.75
    document["more"] = 1
    back = FORMAT.read(save(document))
    assert back.edited == ("0.weight",)
    assert back["0.weight"].read().flat[0] == 0.75
    assert [(entry.what, entry.reason) for entry in back.not_read] == [("more", "not part of the format")]


def test_a_number_is_rounded_once(document, save):
    bias = document["tensors"][1]
    word = "1.00000005960464477539062500000000000001"
    text = json.dumps(document).replace(json.dumps(bias["values"]), f'[{word}, -0, "-nan(0x1)", 1e-400]').encode()
    values = FORMAT.read(save(text))["0.bias"].read()
    assert values.view("uint32").tolist() == [0x3F800001, 0x80000000, 0xFF800001, 0]


def change(key, value, index=1):
    def apply(document):
        document["tensors"][index][key] = value
        return document

    return apply


def without(key):
    def apply(document):
        del document["tensors"][1][key]
        return document

    return apply


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda d: d | {"format": "x"}, 'expected an object with "format": "cnnkit-json"'),
        (lambda _: [1], 'expected an object with "format"'),
        (lambda d: d | {"version": 2}, "expected version 1 of cnnkit-json: upgrade"),
        (lambda d: d | {"version": "1"}, "expected version 1"),
        (lambda d: d | {"metadata": [1]}, "metadata is not a JSON object"),
        (lambda d: d | {"tensors": {}}, "tensors is not a list"),
        (lambda d: d | {"tensors": [1]}, r"tensors\[0\]: expected an object with axes"),
        (without("values"), r"tensors\[1\]: expected an object with"),
        (change("more", 1), r"tensors\[1\]: expected an object with"),
        (change("name", 1), r"tensors\[1\]: expected text for name"),
        (change("axes", "o"), r"tensors\[1\]: expected text for name, .* and a list of texts for axes"),
        (change("axes", [1]), r"tensors\[1\]: expected text"),
        (change("axes", []), "expected a name for each axis"),
        (change("dtype", "float33"), "element type float33 is not one of"),
        (change("kind", "kernel"), "kind 'kernel' is not one of"),
        (change("role", "kernel"), "role 'kernel' is not one of"),
        (change("shape", [5]), r"tensors\[1\] \(0.bias\): expected 5 numbers, found 4"),
        (change("shape", [10**30]), "a shape of more than 2"),
        (change("shape", [-4]), "expected a shape of whole numbers"),
        (change("shape", [4.0]), "expected a shape of whole numbers"),
        (change("shape", 4), "expected a shape"),
        (change("values", "1"), "values is not a list"),
        (change("values", [1, 2, 3, "4"]), "value 3: '4' is not a number, nor"),
        (change("values", [1, 2, 3, "+inf +inf"]), "value 3: .* is not a number, nor"),
        (change("values", [1, 2, 3, None]), "value 3: None is not a number"),
        (change("values", [1, 2, 3, True]), "value 3: True is not a number"),
        (change("values", [1, 2, 3, [4]]), "value 3: .* is not a number"),
        (change("values", [1, 1e40, 3, 4]), 'value 1: "1e[+]40" does not fit float32; for infinity write [+]inf'),
        (change("values", [1.5], 3), 'value 0: "1.5" is no int64'),
        (lambda d: json.dumps(d).replace('"seed": 3', '"seed": 1e999').encode(), "number 1e999 is too large"),
        (lambda d: json.dumps(d).replace('"seed": 3', '"seed": NaN').encode(), "NaN is not JSON"),
        (lambda d: json.dumps(d).replace('"seed": 3', '"seed": 3, "seed": 4').encode(), "key seed occurs twice"),
        (lambda d: json.dumps(d).replace('"seed": 3', '"seed": ' + "[" * 100_000).encode(), "JSON nested too deep"),
        (lambda d: json.dumps(d).replace('"seed": 3', '"seed": ' + "9" * 5000).encode(), "integer string conversion"),
        (lambda d: json.dumps(d).encode()[:-1], "not JSON at line 1"),
    ],
)
def test_anything_else_is_one_clear_line(document, save, spoil, message):
    path = save(spoil(document))
    with pytest.raises(WeightFileError, match=message) as caught:
        FORMAT.read(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_a_file_beyond_the_limit(document, save, monkeypatch):
    monkeypatch.setattr(json_reader, "_LIMIT", 10)
    with pytest.raises(WeightFileError, match="more than 10 for JSON") as caught:
        FORMAT.read(save(document))
    assert caught.value.kind == "too_big"


@pytest.mark.parametrize(
    ("head", "known"),
    [
        (b'{"format": "cnnkit-json"', True),
        (b'\xef\xbb\xbf\n{ "format":"cnnkit-json"', True),
        (b'{"format": "x"', False),
        (b'["format", "cnnkit-json"', False),
        (b"", False),
    ],
)
def test_recognised_by_content(head, known, tmp_path):
    assert FORMAT.recognises(tmp_path / "a", head) is known
