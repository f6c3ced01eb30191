"""What the real torch saves, in all its forms, read without it."""

import subprocess
import sys

import numpy as np
import pytest
import torch

from cnnkit import exporters

DTYPES = [torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64, torch.float16, torch.bfloat16]
DTYPES += [torch.float32, torch.float64, torch.complex64, torch.complex128]
NEWER = [torch.uint16, torch.uint32, torch.uint64, torch.float8_e4m3fn, torch.float8_e5m2]


def raw(tensor):
    return bytes(tensor.detach().contiguous().view(-1).view(torch.uint8).numpy()) if tensor.numel() else b""


@pytest.fixture(params=["zip", "legacy", "zip, protocol 4"])
def save(request, tmp_path):
    def saved(document):
        zipped, protocol = request.param.startswith("zip"), 4 if request.param.endswith("4") else 2
        torch.save(document, tmp_path / "a", _use_new_zipfile_serialization=zipped, pickle_protocol=protocol)
        return exporters.read(tmp_path / "a")

    return saved


def net():
    torch.manual_seed(0)
    return torch.nn.Sequential(
        torch.nn.Conv2d(1, 4, 3),
        torch.nn.BatchNorm2d(4),
        torch.nn.ReLU(),
        torch.nn.ConvTranspose2d(4, 6, 3),
        torch.nn.Flatten(),
        torch.nn.LayerNorm(24),
        torch.nn.Linear(24, 5),
    )


def test_a_state_dict_is_understood(save):
    module = net()
    back = save(module.state_dict())
    assert back.format == "torch"
    assert [(t.name, t.layer, t.kind, t.role, t.axes) for t in back] == [
        ("0.weight", "0", "parameter", "weight", ("o", "i", "kh", "kw")),
        ("0.bias", "0", "parameter", "bias", ("o",)),
        ("1.weight", "1", "parameter", "gamma", ("c",)),
        ("1.bias", "1", "parameter", "beta", ("c",)),
        ("1.running_mean", "1", "state", "mean", ("c",)),
        ("1.running_var", "1", "state", "variance", ("c",)),
        ("1.num_batches_tracked", "1", "state", "other", ()),
        ("3.weight", "3", "parameter", "weight", ("i", "o", "kh", "kw")),
        ("3.bias", "3", "parameter", "bias", ("o",)),
        ("5.weight", "5", "parameter", "gamma", ("c",)),
        ("5.bias", "5", "parameter", "beta", ("c",)),
        ("6.weight", "6", "parameter", "weight", ("out", "in")),
        ("6.bias", "6", "parameter", "bias", ("out",)),
    ]
    assert back.not_read == ()
    for name, tensor in module.state_dict().items():
        assert back[name].read().tobytes() == raw(tensor)


@pytest.mark.parametrize("name", ["lstm", "embedding"])
def test_other_layers(save, name):
    modules = {"lstm": torch.nn.LSTM(3, 2), "embedding": torch.nn.ModuleDict({"embedding": torch.nn.Embedding(7, 2)})}
    found = {t.name: (t.kind, t.role) for t in save(modules[name].state_dict())}
    wanted = {
        "lstm": {
            "weight_ih_l0": "weight",
            "weight_hh_l0": "recurrent_weight",
            "bias_ih_l0": "bias",
            "bias_hh_l0": "bias",
        },
        "embedding": {"embedding.weight": "embedding"},
    }
    assert found == {part: ("parameter", role) for part, role in wanted[name].items()}


def test_types_shapes_strides_and_shared_storages(save):
    base = torch.arange(24.0).reshape(2, 3, 4)
    document = {str(dtype): torch.arange(5).to(dtype) for dtype in DTYPES}
    document |= {
        "base": base,
        "slice": base[1, 1:, 2],
        "transposed": base.permute(2, 0, 1),
        "tied": base,
        "column": base.reshape(6, 4)[:, 1],
        "scalar": torch.tensor(3),
        "empty": torch.zeros(0, 3),
        "expanded": torch.ones(1).expand(3, 4),
        "parameter": torch.nn.Parameter(torch.ones(2)),
        "six": torch.rand(1, 2, 1, 2, 1, 2),
        "nan": torch.tensor([0x7FC00001, 0xFF800001 - (1 << 32), -(1 << 31)], dtype=torch.int32).view(torch.float32),
    }
    back = save(document)
    assert [t.name for t in back] == list(document)
    for name, tensor in document.items():
        values = back[name].read()
        assert (values.shape, values.tobytes()) == (tuple(tensor.shape), raw(tensor)), name
        assert values.flags.c_contiguous
        assert back[name].dtype == str(tensor.dtype).removeprefix("torch.")


def test_types_without_a_class_of_storages(tmp_path):
    document = {str(dtype): torch.ones(5).to(dtype) for dtype in NEWER}
    torch.save(document, tmp_path / "a")
    back = exporters.read(tmp_path / "a")
    for name, tensor in document.items():
        assert (back[name].dtype, back[name].read().tobytes()) == (name.removeprefix("torch."), raw(tensor))


def test_a_checkpoint_with_an_optimizer(save):
    module = torch.nn.DataParallel(torch.nn.Sequential(torch.nn.Linear(2, 3)))
    optimizer = torch.optim.Adam(module.parameters())
    module(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    back = save(
        {
            "epoch": 3,
            "note": "best",
            "loss": float("nan"),
            "model_state_dict": module.state_dict(),
            "optimizer_state_dict": optimizer.state_dict(),
            "ema": {"0.weight": torch.zeros(3, 2)},
        }
    )
    assert [(t.name, t.layer, t.kind, t.role) for t in back][:4] == [
        ("module.0.weight", "0", "parameter", "weight"),
        ("module.0.bias", "0", "parameter", "bias"),
        ("state.0.step", "state.0", "optimizer", "slot"),
        ("state.0.exp_avg", "state.0", "optimizer", "slot"),
    ]
    assert (back.tensors[-1].name, back.tensors[-1].kind) == ("ema.0.weight", "other")
    beside = back.metadata["torch"]
    assert beside["wrapper"] == "model_state_dict"
    assert {
        key: beside["values"][key] for key in ("epoch", "note", "param_groups.0.lr", "param_groups.0.params.1")
    } == {
        **{"epoch": 3, "note": "best", "param_groups.0.lr": 0.001, "param_groups.0.params.1": 1},
    }
    assert [(note.what, note.count) for note in back.not_read] == [("value of type float", 1)]  # the loss, NaN
    assert back.parameters == 9


def test_an_optimizer_alone_a_list_and_a_single_tensor(save):
    parameter = torch.nn.Parameter(torch.ones(2))
    optimizer = torch.optim.SGD([parameter], momentum=0.9)
    parameter.sum().backward()
    optimizer.step()
    assert {t.kind for t in save(optimizer.state_dict())} == {"optimizer"}
    assert [t.name for t in save([torch.ones(1), (torch.ones(2), 3)])] == ["0", "1.0"]
    assert [t.name for t in save(torch.ones(1))] == ["tensor"]
    assert [t.name for t in save({"model": {"w": torch.ones(1)}, "model2": {"w": torch.ones(1)}})] == ["w", "model2.w"]


def test_odd_names(save):
    names = ["", ".", "a/b", "größe", "\x1b[31m", "<script>", '"', "😀", "\ud800"]
    assert [t.name for t in save({name: torch.ones(1) for name in names})] == names


def test_big_endian_storages(tmp_path):
    values = torch.arange(4.0)
    torch.save({"a": values}, tmp_path / "a")
    data = (tmp_path / "a").read_bytes()
    import zipfile

    with zipfile.ZipFile(tmp_path / "a") as archive, zipfile.ZipFile(tmp_path / "b", "w") as other:
        for name in archive.namelist():
            text = archive.read(name)
            text = {b"little": b"big"}.get(text, text)
            other.writestr(name, values.numpy().astype(">f4").tobytes() if name.endswith("data/0") else text)
    assert data[:4] == b"PK\3\4"
    np.testing.assert_array_equal(exporters.read(tmp_path / "b")["a"].read(), values.numpy())


def test_torch_is_not_needed(tmp_path):
    torch.save(net().state_dict(), tmp_path / "a.pt")
    code = (
        "import sys; sys.modules['torch'] = None; from cnnkit import exporters; "
        f"w = exporters.read({str(tmp_path / 'a.pt')!r}); exporters.write(w, {str(tmp_path / 'b.pt')!r}); print(len(w))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout == "13\n"
    again = torch.load(tmp_path / "b.pt", weights_only=True)
    assert all(torch.equal(tensor, again[name]) for name, tensor in net().state_dict().items())
