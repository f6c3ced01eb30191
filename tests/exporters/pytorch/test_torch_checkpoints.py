"""What programs put into checkpoints beside the net: it is found, the rest is read or listed, nothing is run."""

import argparse
import collections
import datetime
import pathlib

import pytest
import torch

from cnnkit import exporters
from cnnkit.inspection.differences import SAME, compare, matters
from cnnkit.inspection.pairing import pair

NET = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.BatchNorm1d(3))
STATE = NET.state_dict()
NAMES = list(STATE)
ADAM = torch.optim.Adam(NET.parameters())
NET(torch.ones(4, 2)).sum().backward()
ADAM.step()


@pytest.fixture
def save(tmp_path):
    def saved(document, name="a", zipped=True):
        torch.save(document, tmp_path / name, _use_new_zipfile_serialization=zipped)
        return exporters.read(tmp_path / name)

    return saved


def names_of(back, kinds=("parameter", "state")):
    return [tensor.name for tensor in back if tensor.kind in kinds]


def bits(tensor):
    return tensor.detach().resolve_conj().resolve_neg().contiguous().numpy().tobytes()


class Config:
    """A class of the author's, that a reader does not have."""

    def __init__(self, **values):
        self.__dict__.update(values)


ODD = {
    "bytes": (b"abc", ["value of type bytes"]),
    "many bytes": (b"abc" * 1000, ["value of type bytes"]),
    "set": ({"b", "a"}, ["value of type set"]),
    "frozenset": (frozenset("ab"), ["value of type set"]),
    "counter": (collections.Counter("aab"), ["collections.Counter"]),
    "layout": (torch.strided, ["torch.serialization._get_layout"]),
    "namespace": (argparse.Namespace(lr=0.1, path=pathlib.PurePosixPath("a")), ["argparse.Namespace"]),
    "date": (datetime.date(2024, 1, 2), ["datetime.date"]),
    "class": (torch.nn.ReLU, ["torch.nn.modules.activation.ReLU"]),
    "function": (torch.nn.functional.relu, ["torch.nn.functional.relu"]),
    "deque": (collections.deque([1, 2]), ["collections.deque"]),
    "NaN": (float("nan"), ["value of type float"]),
    "long": ("x" * 5000, ["value of type str"]),
    "default": (collections.defaultdict(list, a=1), []),
    "nested": ({"betas": (0.9, 0.99), "none": [None]}, []),
    "dtype": (torch.float32, []),
}


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("name", ODD)
def test_one_odd_value_hides_no_tensor(save, name, zipped):
    value, wanted = ODD[name]
    back = save({"state_dict": STATE, "x": value}, zipped=zipped)
    assert names_of(back) == NAMES
    found = [note.what for note in back.not_read]
    assert all(any(note.startswith(part) for note in found) for part in wanted), found
    assert bool(found) == bool(wanted)
    assert back.lacks == ()
    assert all(back[key].read().tobytes() == bits(tensor) for key, tensor in STATE.items())


def test_values_beside_the_net_are_kept(save):
    back = save({"state_dict": STATE, "x": {"betas": (0.9, 0.99)}, "epoch": 3, "device": torch.device("cuda", 1)})
    values = back.metadata["torch"]["values"]
    assert values == {"x.betas.0": 0.9, "x.betas.1": 0.99, "epoch": 3, "device": "cuda:1"}


def test_objects_are_opaque_and_their_tensors_are_listed(save):
    config = Config(centres=torch.arange(3.0), inner=Config(w=torch.ones(2)), state=STATE)
    back = save({"config": config, "again": config})
    assert names_of(back)[:2] == ["config.centres", "config.inner.w"]
    assert back["config.centres"].read().tolist() == [0, 1, 2]
    assert [(note.what.rpartition(".")[2], note.count) for note in back.not_read] == [("Config", 2)]
    assert "not run" in back.not_read[0].reason
    assert back.lacks == ()
    packed = save({"w": torch.ones(1), "tree": Config(raw=bytes(2000))})  # weights in a form that only the class knows
    assert [note.weights for note in packed.not_read] == [True]


def test_keys_that_are_no_texts(save):
    document = {("a", 1): torch.ones(1), 1.5: torch.ones(2), None: torch.ones(3), b"k": torch.ones(4), 7: torch.ones(5)}
    back = save(document | {((("deep",),),): torch.ones(6), "7": torch.ones(7), True: torch.ones(8)})
    assert [t.name for t in back] == ["('a', 1)", "1.5", "None", "b'k'", "7", "((<tuple>,),)", "7 #2", "True"]
    assert [t.parameters for t in back] == list(range(1, 9))


def test_lazy_conjugates_and_signs(save):
    values = torch.tensor([1 + 2j, -3j, complex("nan")])
    document = {
        "plain": values, "conj": values.conj(), "slice": values.conj()[1:], "transposed": values.reshape(1, 3).mH,
        "neg": torch._neg_view(torch.tensor([1.0, -0.0])), "both": torch._neg_view(values.clone().conj()),
    }  # fmt: skip
    back = save(document)
    assert back.not_read == ()
    for name, tensor in document.items():
        assert back[name].read().tobytes() == bits(tensor), name
    assert back["conj"].sha256() != back["plain"].sha256()


@pytest.mark.filterwarnings("ignore:torch.quantize")
def test_quantised_tensors_are_integers_with_their_scale(save):
    by_tensor = torch.quantize_per_tensor(torch.tensor([[-1.0, 0.5], [0.1, 2.0]]), 0.1, 3, torch.qint8)
    scales, zeros = torch.tensor([0.1, 0.2], dtype=torch.float64), torch.tensor([1, 2])
    by_axis = torch.quantize_per_channel(torch.ones(2, 3), scales, zeros, 0, torch.quint8)
    back = save({"fc.weight": by_tensor, "conv.weight": by_axis})
    assert names_of(back) == ["fc.weight", "conv.weight"]
    assert (back["fc.weight"].dtype, back["fc.weight"].read().tolist()) == ("int8", by_tensor.int_repr().tolist())
    assert back["conv.weight"].read().tolist() == by_axis.int_repr().tolist()
    assert (back["fc.weight.scale"].read().tolist(), back["fc.weight.zero_point"].read().tolist()) == (0.1, 3)
    assert back["conv.weight.scale"].read().tolist() == scales.tolist()
    assert back["conv.weight.zero_point"].read().tolist() == zeros.tolist()
    assert back.metadata["torch"]["quantised"] == {
        "fc.weight": {"scheme": "per_tensor_affine"},
        "conv.weight": {"scheme": "per_channel_affine", "axis": 0},
    }
    assert back.parameters == 10


def test_tensors_without_values_are_listed(save):
    sparse = torch.tensor([[0.0, 1.0], [2.0, 0.0]]).to_sparse()
    back = save({"w": torch.ones(2), "m": torch.ones(2, device="meta"), "s": sparse})
    assert names_of(back) == ["w", "s.values"]
    assert [note.what for note in back.not_read] == ["tensor m", "torch.sparse tensor"]
    assert back["s.indices"].read().tolist() == sparse.indices().tolist()
    assert back["s.values"].read().tolist() == [1, 2]
    only = save({"m": torch.ones(2, device="meta")})
    assert (len(only), len(only.lacks)) == (0, 1)


PARALLEL = {f"module.{name}": tensor for name, tensor in STATE.items()}
WRAPPED = {
    "imagenet": ({"epoch": 1, "arch": "r", "state_dict": PARALLEL, "best_acc1": torch.tensor(5.0)}, "state_dict"),
    "tensors beside": ({"state_dict": STATE, "class_weights": torch.ones(9)}, "state_dict"),
    "random state": ({"model": STATE, "rng": torch.get_rng_state()}, "model"),
    "lightning": (
        {
            "state_dict": {f"model.{name}": tensor for name, tensor in STATE.items()}, "epoch": 1,
            "optimizer_states": [ADAM.state_dict()], "lr_schedulers": [], "hyper_parameters": {"lr": 0.1},
            "callbacks": {"ModelCheckpoint": {"best_model_score": torch.tensor(0.1), "best_model_path": "a.ckpt"}},
        },
        "state_dict",
    ),
    "timm": ({"state_dict": STATE, "state_dict_ema": STATE, "args": argparse.Namespace(a=1)}, "state_dict"),
    "fairseq": (
        {
            "args": argparse.Namespace(a=1), "model": STATE, "last_optimizer_state": ADAM.state_dict(),
            "optimizer_history": [{"num_updates": 3}], "extra_state": {"loss": torch.tensor(1.0)},
        },
        "model",
    ),
    "detectron": ({"model": STATE, "optimizer": ADAM.state_dict(), "scheduler": {"last": 1}, "iteration": 5}, "model"),
    "whole model": ({"epoch": 1, "model": NET, "ema": None, "optimizer": ADAM.state_dict()}, "model"),
    "nested": ({"model": {"state_dict": STATE, "lr": 0.1}, "epoch": 2}, "model.state_dict"),
    "nested net": ({"checkpoint": 1, "net": {"module": PARALLEL, "acc": torch.tensor(1.0)}}, "net.module"),
    "ema alone": ({"params_ema": STATE, "step": torch.tensor(3)}, "params_ema"),
    "own word": ({"my_weights": STATE, "loss": torch.tensor(3.0)}, "my_weights"),
    "optimizer first": ({"optimizer": ADAM.state_dict(), "model_state_dict": STATE}, "model_state_dict"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRAPPED)
def test_the_net_is_found_in_a_checkpoint(save, name):
    document, wrapper = WRAPPED[name]
    plain, back = save(STATE, "plain"), save(document)
    assert back.metadata["torch"]["wrapper"] == wrapper
    assert back.parameters == plain.parameters
    assert sum(t.kind == "optimizer" for t in back) in {0, 12}
    pairing = pair(plain, back)
    assert len(pairing.pairs) == len(plain)
    assert not pairing.only_in_a
    assert not any(matters(tensor) for tensor in pairing.only_in_b)
    assert all(item.status in SAME for item in compare(plain, back, pairing))


BARE = {
    "two nets": ({"g": STATE, "d": {"w": torch.ones(2)}}, "g.0.weight"),
    "list": ([STATE, STATE], "0.0.weight"),
    "net of two parts": ({"encoder": {"w": torch.ones(2)}, "scale": torch.ones(3)}, "encoder.w"),
    "layers": (
        {"params": {"dense": {"kernel": torch.ones(2)}, "out": {"kernel": torch.ones(1)}}},
        "params.dense.kernel",
    ),
}


@pytest.mark.parametrize("name", BARE)
def test_where_no_wrapper_is_certain_all_is_the_net(save, name):
    document, first = BARE[name]
    back = save(document)
    assert names_of(back)[0] == first
    assert "wrapper" not in back.metadata.get("torch", {})
    assert {tensor.kind for tensor in back} <= {"parameter", "state"}


@pytest.mark.parametrize("zipped", [True, False])
def test_tied_weights_are_counted_once(save, tmp_path, zipped):
    weight, flat = torch.rand(4, 3), torch.rand(6)
    document = {
        "enc.weight": weight, "dec.weight": weight, "out.weight": weight.t(), "row": weight[1], "copy": weight.clone(),
        "a": flat[:3], "b": flat[3:], "all": flat,
    }  # fmt: skip
    back = save(document, zipped=zipped)
    shares = {t.name: t.shares for t in back if t.shares}
    assert shares == dict.fromkeys(("dec.weight", "out.weight", "row"), "enc.weight")
    assert back.parameters == 12 + 12 + 12
    assert all(back[name].read().tobytes() == bits(tensor) for name, tensor in document.items())
    exporters.write(back, tmp_path / "b.safetensors")
    again = exporters.read(tmp_path / "b.safetensors")
    assert [t.sha256() for t in again] == [back[t.name].sha256() for t in again]
    assert again.parameters == sum(t.parameters for t in back)


def test_a_call_with_too_few_arguments_is_one_line(save, tmp_path):
    save({"w": torch.ones(2)}, zipped=False)
    data = (tmp_path / "a").read_bytes()
    cut = data.replace(b"_rebuild_tensor_v2", b"_rebuild_parameter", 1)  # which takes a tensor, and gets a storage
    (tmp_path / "a").write_bytes(cut)
    with pytest.raises(exporters.registry.CnnkitError, match="a parameter that is not a tensor"):
        exporters.read(tmp_path / "a")
