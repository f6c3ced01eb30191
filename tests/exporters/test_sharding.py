"""Writing in shards: what other libraries load from them, all bits back, a folder whole or not at all."""

import json
import os

import numpy as np
import pytest
import safetensors.numpy
import torch

from cnnkit import exporters
from cnnkit.errors import ExportError, WeightFileError
from cnnkit.exporters import Tensor, WeightFile, read, write_shards


@pytest.fixture
def weights():
    draw = np.random.default_rng(0)
    tensors = [
        Tensor.of("0.weight", draw.normal(size=(4, 3, 3, 3)).astype(np.float32), role="weight"),
        Tensor.of("0.bias", np.array([np.nan, -0.0, np.inf, 1], np.float32), role="bias"),
        Tensor.of("1.mean", np.arange(4.0), kind="state", role="mean"),
        Tensor.of("2.weight", draw.integers(0, 1 << 16, (5, 7)).astype(np.uint16), dtype="bfloat16"),
        Tensor.of("0.weight", np.ones((4, 3, 3, 3), np.float32), kind="optimizer", role="slot"),
    ]
    return WeightFile(tuple(tensors), {"layers": []}, {"recipe": "x", "ünicode": 1}, {"epoch": 3})


def list_folder(path):
    return sorted(os.listdir(path))


def test_safetensors_come_back_whole_and_others_load_them(tmp_path, weights):
    index = write_shards(weights, tmp_path / "out", 300, "safetensors")
    shards = [f"model-0000{n}-of-00003.safetensors" for n in (1, 2, 3)]
    assert list_folder(tmp_path / "out") == [*shards, "model.safetensors.index.json"]
    back = read(tmp_path / "out")
    assert (back.architecture, back.metadata, back.position) == (weights.architecture, weights.metadata, {"epoch": 3})
    assert back.tensors == weights.tensors
    assert [t.sha256() for t in back] == [t.sha256() for t in weights]
    assert back.not_read == ()
    names = json.loads(index.read_text())
    assert names["metadata"] == {"total_size": sum(tensor.nbytes for tensor in weights)}
    loaded = {}
    for shard in shards:
        with safetensors.safe_open(tmp_path / "out" / shard, "np") as file:
            assert file.metadata() == {"format": "pt"}
            assert {name for name, place in names["weight_map"].items() if place == shard} == {*file.keys()}
            loaded |= {name: file.get_tensor(name) for name in file.keys() if name != "2.weight"}  # noqa: SIM118
    assert loaded["0.bias"].tobytes() == weights["0.bias"].read().tobytes()
    assert loaded["optimizer/0.weight"].tolist() == np.ones((4, 3, 3, 3)).tolist()


def test_torch_loads_what_is_written_for_it(tmp_path, weights):
    index = write_shards(weights, tmp_path / "out", 300, "torch")
    names = json.loads(index.read_text())["weight_map"]
    state = {}
    for shard in sorted({*names.values()}):
        part = torch.load(tmp_path / "out" / shard, weights_only=True)
        assert {name for name, place in names.items() if place == shard} == {*part}
        state |= part
    assert list(state) == ["0.weight", "0.bias", "1.running_mean", "2.weight"]
    assert state["0.bias"].numpy().tobytes() == weights["0.bias"].read().tobytes()
    assert state["2.weight"].view(torch.uint16).numpy().tobytes() == weights["2.weight"].read().tobytes()
    assert [t.name for t in read(index)] == list(state)


def test_the_name_of_an_index_says_format_and_names(tmp_path, weights):
    index = write_shards(weights, tmp_path / "out" / "net.bin.index.json", 1 << 20)
    assert index == tmp_path / "out" / "net.bin.index.json"
    assert list_folder(index.parent) == ["net-00001-of-00001.bin", "net.bin.index.json"]


def test_one_changed_letter_of_what_the_index_adds_is_found(tmp_path, weights):
    index = write_shards(weights, tmp_path / "out", 300, "safetensors")
    index.write_text(index.read_text().replace('\\"recipe\\": \\"x', '\\"recipe\\": \\"y'))
    with pytest.raises(WeightFileError, match="does not fit its SHA-256"):
        read(index)


def test_a_changed_value_in_a_shard_is_found(tmp_path, weights):
    index = write_shards(weights, tmp_path / "out", 300, "safetensors")
    shard = index.with_name("model-00001-of-00003.safetensors")
    content = bytearray(shard.read_bytes())
    content[-1] ^= 1
    shard.write_bytes(content)
    with pytest.raises(WeightFileError, match="SHA-256"):
        read(index)["0.weight"].read()


@pytest.mark.parametrize(
    ("path", "form", "message"),
    [
        ("out", None, "expected a format, safetensors or torch"),
        ("out", "npz", "expected format safetensors or torch, got npz"),
        ("out", "nonsense", "format nonsense is not known"),
        ("out/a.bin.index.json", "safetensors", "expected the name of an index of safetensors"),
        ("out/.bin.index.json", None, "expected a name before"),
        ("none/out", "torch", "its folder does not exist"),
        ("full", "torch", "already exists: choose a new folder"),
        ("full/x", "torch", "already exists: choose a new folder"),
    ],
)
def test_a_target_that_cannot_be_is_one_line(tmp_path, weights, path, form, message):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").write_text("kept")
    with pytest.raises(ExportError, match=message) as caught:
        write_shards(weights, tmp_path / path, 300, form)
    assert "\n" not in str(caught.value)
    assert list_folder(tmp_path) == ["full"]
    assert (tmp_path / "full" / "x").read_text() == "kept"


def test_a_size_below_one_byte_is_refused(tmp_path, weights):
    with pytest.raises(ExportError, match="expected 1 or more"):
        write_shards(weights, tmp_path / "out", 0, "torch")


def test_a_tensor_that_cannot_be_read_leaves_nothing(tmp_path, weights):
    def fail():
        raise WeightFileError("gone")

    broken = WeightFile((*weights.tensors[:3], Tensor("x", "", "parameter", "other", ("0",), "float32", (2,), fail)))
    with pytest.raises(WeightFileError, match="gone"):
        write_shards(broken, tmp_path / "out", 300, "safetensors")
    assert list_folder(tmp_path) == []


def test_what_reads_back_differently_leaves_nothing(tmp_path):
    values = iter([np.zeros(2, np.float32), np.ones(2, np.float32)])
    odd = Tensor("x", "", "parameter", "other", ("0",), "float32", (2,), lambda: next(values))
    with pytest.raises(ExportError, match="reads back differently"):
        write_shards(WeightFile((odd,)), tmp_path / "out", 300, "torch")
    assert list_folder(tmp_path) == []


def test_formats_without_shards_say_so(tmp_path, weights):
    for name, form in exporters.formats().items():
        if form.shards is None:
            with pytest.raises(ExportError, match=f"{name} files are not written in shards"):
                form.write_shards(weights, tmp_path, "x", 10)


def test_one_tensor_at_a_time_is_in_memory(tmp_path):
    """The sources are made when they are read, and may go when the next one is."""
    alive, most = set(), 0

    def make(index):
        def read():
            nonlocal most
            values = np.full(1 << 16, index, np.float32)
            alive.add(index)
            most = max(most, len(alive))
            import weakref

            weakref.finalize(values, alive.discard, index)
            return values

        return Tensor(f"t{index}", "", "parameter", "other", ("0",), "float32", (1 << 16,), read)

    write_shards(WeightFile(tuple(map(make, range(12)))), tmp_path / "out", 600_000, "safetensors")
    assert most <= 2
    assert len(read(tmp_path / "out").shards) == 6
