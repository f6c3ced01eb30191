"""Whole models and programs: their tensors are read as a state_dict names them, and no code of them is run."""

import warnings
import zipfile

import pytest
import torch
from torch.package import PackageExporter

from cnnkit import exporters
from cnnkit.errors import WeightFileError


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.features = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.BatchNorm2d(2))
        self.head = torch.nn.ModuleDict({"fc": torch.nn.Linear(8, 3)})
        self.tied = self.head["fc"]
        self.token = torch.nn.Parameter(torch.ones(3))
        self.register_buffer("table", torch.arange(3.0))
        self.register_buffer("unsaved", torch.arange(2.0), persistent=False)
        self.loose = torch.ones(2)
        self.parent = [self]  # a circle

    def forward(self, x):
        return self.head["fc"](self.features(x).flatten(1)) + self.token + torch.tensor([1.0, 2.0, 3.0])


@pytest.fixture(scope="module")
def net():
    torch.manual_seed(0)
    return Net().eval()


def check(back, state, in_order=True):
    """Fail unless the file has all tensors of a state_dict, in its order, bit for bit."""
    found = [tensor.name for tensor in back if tensor.name in state]
    assert (found if in_order else sorted(found)) == (list(state) if in_order else sorted(state))
    for name, tensor in state.items():
        assert back[name].read().tobytes() == tensor.numpy().tobytes(), name


@pytest.mark.parametrize("zipped", [True, False])
def test_a_whole_model(net, tmp_path, zipped):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that sources cannot be found
        torch.save(net, tmp_path / "a", _use_new_zipfile_serialization=zipped)
    back = exporters.read(tmp_path / "a")
    check(back, {name: tensor for name, tensor in net.state_dict().items() if not name.startswith("tied.")})
    assert {tensor.name for tensor in back} - set(net.state_dict()) == {"unsaved", "loose"}
    (note,) = [note for note in back.not_read if note.what.endswith(".Net")]
    assert "torch.save(model.state_dict(), FILE)" in note.reason
    assert not any("Conv2d" in note.what for note in back.not_read)


def test_weights_that_a_module_holds_twice_are_listed_once(tmp_path):
    module = torch.nn.LSTM(3, 2)
    torch.save({"model": module, "optimizer": torch.optim.SGD(module.parameters())}, tmp_path / "a")
    back = exporters.read(tmp_path / "a")
    check(back, module.state_dict())
    assert [tensor.name for tensor in back if tensor.kind != "optimizer"] == list(module.state_dict())
    assert len(back) == 8  # the optimizer object holds the same four


def test_torchscript(net, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.trace(net, torch.zeros(1, 1, 4, 4)).save(tmp_path / "a.pt")
    back = exporters.read(tmp_path / "a.pt")
    check(back, {name: tensor for name, tensor in net.state_dict().items() if not name.startswith("tied.")})
    assert any("TorchScript" in note.reason for note in back.not_read)


def test_an_exported_program(net, tmp_path):
    torch.export.save(torch.export.export(net, (torch.zeros(1, 1, 4, 4),)), tmp_path / "a.pt2")
    back = exporters.read(tmp_path / "a.pt2")
    check(back, net.state_dict(), in_order=False)
    assert back["tied.weight"].shares == "head.fc.weight" or back["head.fc.weight"].shares == "tied.weight"
    assert "torch.export" in back.not_read[-1].reason
    assert "TorchScript" not in str(back.not_read)
    assert {t.kind for t in back if t.name.startswith("lifted")} == {"other"}


def rewrite(source, target, change):
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            data = change(name, old.read(name))
            if data is not None:
                new.writestr(name, data)


@pytest.mark.parametrize(
    ("part", "old", "new", "message"),
    [
        ("model_weights_config.json", b'"as_int": 3', b'"as_int": 9', "reaches beyond its storage"),
        ("model_weights_config.json", b'"config"', b'"other"', "no list of tensors"),
        ("model_weights_config.json", b"{", b"", "JSON"),
        ("model_weights_config.json", b'"as_int": 0', b'"as_int": -1', "without storage, element type or offset"),
    ],
)
def test_a_program_that_lies(net, tmp_path, part, old, new, message):
    torch.export.save(torch.export.export(net, (torch.zeros(1, 1, 4, 4),)), tmp_path / "a.pt2")
    rewrite(tmp_path / "a.pt2", tmp_path / "b", lambda n, data: data.replace(old, new, 1) if n.endswith(part) else data)
    with pytest.raises(WeightFileError, match=message):
        exporters.read(tmp_path / "b")


def test_a_program_without_some_values(net, tmp_path):
    torch.export.save(torch.export.export(net, (torch.zeros(1, 1, 4, 4),)), tmp_path / "a.pt2")
    rewrite(tmp_path / "a.pt2", tmp_path / "b", lambda n, data: None if n.endswith("weight_0") else data)
    back = exporters.read(tmp_path / "b")
    assert [note.what for note in back.not_read if note.what.startswith("tensor")]
    old = zipfile.ZipFile(tmp_path / "old", "w")
    with old:
        old.writestr("serialized_state_dict.pt", b"")
    with pytest.raises(WeightFileError, match=r"torch\.export of an old version"):
        exporters.read(tmp_path / "old")


@pytest.mark.filterwarnings("ignore:TypedStorage")
def test_a_package(tmp_path):
    module = torch.nn.Linear(3, 2)
    with PackageExporter(tmp_path / "a.pt") as exporter:
        exporter.extern("**")
        exporter.save_pickle("model", "model.pkl", module)
    check(exporters.read(tmp_path / "a.pt"), module.state_dict())
