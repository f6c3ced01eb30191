"""JSON from strangers: a text whose value would take much more memory than the text is refused before it is parsed."""

import pytest

from cnnkit import exporters
from cnnkit.errors import ExportError, WeightFileError
from cnnkit.exporters.core import strict_json
from cnnkit.files.unsafe_file import UnsafeFileError

NESTS = {
    "model.json": '{"modelTopology": {}, "weightsManifest": [%s]}',
    "model.safetensors.index.json": '{"weight_map": {"w": "a.safetensors", "x": [%s]}}',
}


@pytest.mark.parametrize("name", NESTS)
@pytest.mark.parametrize("external", [False, True])
def test_many_brackets_in_a_list_of_weights(tmp_path, monkeypatch, name, external):
    monkeypatch.setattr(strict_json, "MOST_NODES", 100)
    (tmp_path / name).write_text(NESTS[name] % ("[]," * 60 + "[]"))
    with pytest.raises(WeightFileError, match=r"12\d brackets and commas of JSON, more than 100") as caught:
        exporters.read(tmp_path / name, external)
    assert caught.value.kind == "too_big"


def test_a_file_of_too_many_bytes_is_not_parsed(tmp_path):
    (tmp_path / "a.json").write_bytes(b"\xef\xbb\xbf[1, 2]")
    assert strict_json.read_file(tmp_path / "a.json", 9) == [1, 2]
    with pytest.raises(UnsafeFileError, match="9 bytes, more than 8 for JSON"):
        strict_json.read_file(tmp_path / "a.json", 8)


@pytest.mark.parametrize("text", [r"\ud83d\ude00", r"\\ud800", r"\ud83d\ude00\uD83D\uDE00", "\U0001f600"])
def test_whole_pairs_are_read(text):
    assert strict_json.loads(f'["{text}"]'.encode())[0].encode()


@pytest.mark.parametrize(
    "text", [r"\ud800", r"\udc00", r"\ud800x\udc00", r"\ud800\n", r"\ud800\ud800\udc00", r"\ude00\ud83d", r"a\\\ud800"]
)
def test_half_a_pair_is_refused_where_others_would(text):
    data = f'{{"{text}": 1}}'.encode()
    with pytest.raises(ValueError, match="half a surrogate pair"):
        strict_json.loads(data)
    assert len(strict_json.loads(data, lone=True)) == 1
    with pytest.raises(ExportError, match="half a surrogate pair"):
        strict_json.dumps("x", strict_json.loads(data, lone=True), lone=False)
