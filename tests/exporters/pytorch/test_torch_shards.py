"""`pytorch_model.bin.index.json`: shards by torch.save, read as one state_dict."""

import json

import pytest
import torch

from cnnkit.errors import WeightFileError
from cnnkit.exporters import read


class Spy:
    """Unpickling it would write a file."""

    def __reduce__(self):
        return open, ("cnnkit-was-here", "w")


@pytest.fixture
def state():
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.Linear(4, 2))
    return net.state_dict() | {"half": torch.arange(3, dtype=torch.bfloat16)}


def save(folder, parts, total=None):
    names = {}
    for number, part in enumerate(parts, 1):
        shard = f"pytorch_model-{number:05}-of-{len(parts):05}.bin"
        torch.save(part, folder / shard)
        names |= dict.fromkeys((name for name in part if isinstance(part[name], torch.Tensor)), shard)
    path = folder / "pytorch_model.bin.index.json"
    path.write_text(json.dumps({"metadata": {"total_size": total}, "weight_map": names}, indent=2, sort_keys=True))
    return path


def split(state, *stops):
    items = list(state.items())
    return [dict(items[start:stop]) for start, stop in zip((0, *stops), (*stops, None), strict=True)]


def test_shards_are_one_state_dict(tmp_path, state):
    whole = tmp_path / "whole.pt"
    torch.save(state, whole)
    total = sum(tensor.nbytes for tensor in state.values())
    weights, alone = read(save(tmp_path, split(state, 3, 5), total)), read(whole)
    assert weights.format == "torch"
    assert weights.not_read == ()
    assert [t.name for t in weights] == list(state)
    for ours, theirs in zip(weights, alone, strict=True):  # roles too: weight and mean of a norm are in two shards
        assert ours == theirs
        assert ours.sha256() == theirs.sha256()
    assert weights["1.weight"].role == "gamma"


def test_tied_weights_count_once_or_twice_in_the_total(tmp_path):
    weight = torch.ones(4, 4)
    part = {"a.weight": weight, "b.weight": weight}
    for total in (64, 128):
        assert read(save(tmp_path, [part], total)).not_read == ()
    assert "says 96 bytes, the tensors have 64" in read(save(tmp_path, [part], 96)).not_read[0].line


def test_nothing_is_unpickled(tmp_path, state, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = save(tmp_path, [{"w": state["2.weight"], "spy": Spy()}])
    weights = read(path)
    assert [t.name for t in weights] == ["w"]
    assert "in pytorch_model-00001-of-00001.bin" in weights.not_read[0].what
    assert not (tmp_path / "cnnkit-was-here").exists()


def test_an_error_in_a_shard_names_index_and_shard(tmp_path, state):
    path = save(tmp_path, split(state, 3))
    shard = path.with_name("pytorch_model-00002-of-00002.bin")
    shard.write_bytes(shard.read_bytes()[:200])
    with pytest.raises(WeightFileError, match=rf"{path}: 1.bias and \d more in shard {shard.name}: ") as caught:
        read(path)
    assert str(shard) not in str(caught.value)
    assert caught.value.file == str(path)
