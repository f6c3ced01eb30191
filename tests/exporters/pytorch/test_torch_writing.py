"""What we write, the real torch loads, and its modules compute the same."""

import numpy as np
import pytest
import torch

from cnnkit import exporters, recipes
from cnnkit.errors import ExportError
from cnnkit.exporters import Tensor, WeightFile, formats
from cnnkit.layers import BatchNorm, Conv2D, Dense, Flatten, LayerNorm, ReLU, Sequential
from cnnkit.model import Model

MODULES = {
    "Conv2D": lambda f: torch.nn.Conv2d(f["input_shape"][0], f["features"], f["window"], padding=f.get("padding", 0)),
    "Dense": lambda f: torch.nn.Linear(f["input_shape"][-1], f["features"]),
    "BatchNorm": lambda f: torch.nn.BatchNorm2d(f["input_shape"][0], f["epsilon"], f["momentum"]),
    "LayerNorm": lambda f: torch.nn.LayerNorm(f["input_shape"], f["epsilon"]),
    "MaxPool2D": lambda f: torch.nn.MaxPool2d(f["window"]),
    "Flatten": lambda _: torch.nn.Flatten(),
    "ReLU": lambda _: torch.nn.ReLU(),
    "Tanh": lambda _: torch.nn.Tanh(),
    "Dropout": lambda f: torch.nn.Dropout(f["rate"]),
}


def module_of(architecture):
    """The torch.nn.Sequential of the same layers."""
    return torch.nn.Sequential(*(MODULES[layer["type"]](layer) for layer in architecture["layers"])).eval()


def mini():
    layers = (Conv2D(4, window=3), BatchNorm(), ReLU(), Flatten(), LayerNorm(), Dense(3))
    return Model(Sequential(layers), (2, 6, 5), seed=1)


def shaken(model):
    """The model with no value at its neutral start: gamma is not 1, variance neither."""
    rng = np.random.default_rng(0)
    tensors = [
        Tensor.of(
            t.name,
            (t.read() + rng.uniform(0.1, 0.5, t.shape)).astype(t.read().dtype),
            kind=t.kind,
            role=t.role,
            axes=t.axes,
        )
        for t in model.to_weights()
    ]
    written = model.to_weights()
    return WeightFile(tuple(tensors), written.architecture, written.metadata)


def model_of(name):
    if name == "mini":
        return mini()
    recipe = recipes.get(name)
    from cnnkit import architecture

    network, shape = architecture.build(recipe.architecture)
    return Model(network, shape, seed=3)


@pytest.mark.parametrize("name", ["digits-cnn", "lenet5", "mini"])
def test_the_same_layers_in_torch_give_the_same_outputs(name, tmp_path):
    weights = shaken(model_of(name))
    model = Model.from_weights(weights, dtype="float64")  # the weights stay those of float32: nothing but layout counts
    exporters.write(weights, tmp_path / "a.pt")
    module = module_of(weights.architecture)
    module.load_state_dict(torch.load(tmp_path / "a.pt", weights_only=True), strict=True)
    x = np.random.default_rng(1).random((4, *weights.architecture["input_shape"]))
    ours = model.outputs(x)
    theirs = module.double()(torch.from_numpy(x)).detach().numpy()
    assert np.abs(ours).max() > 0.01
    assert np.abs(ours - theirs).max() <= 1e-10 * max(1, np.abs(theirs).max())


def test_names_are_those_of_torch_modules(tmp_path):
    weights = mini().to_weights()
    exporters.write(weights, tmp_path / "a.pt")
    module = module_of(weights.architecture)
    loaded = torch.load(tmp_path / "a.pt", weights_only=True)
    assert list(loaded) == list(module.state_dict())
    back = exporters.read(tmp_path / "a.pt")
    assert [(t.role, t.kind) for t in back][2:6] == [
        *(("gamma", "parameter"), ("beta", "parameter"), ("mean", "state"), ("variance", "state"))
    ]


def test_the_same_weights_give_the_same_bytes(weights, tmp_path):
    exporters.write(weights, tmp_path / "a.pt")
    exporters.write(weights, tmp_path / "b.pt")
    assert (tmp_path / "a.pt").read_bytes() == (tmp_path / "b.pt").read_bytes()


def test_all_types_and_odd_names_load(tmp_path):
    names = ["", "a b", "größe", "\x1b", '"', "\ud800"]
    arrays = {
        str(dtype): np.arange(6).astype(dtype).reshape(2, 3) for dtype in ("?", "u1", "i1", "i2", "i4", "i8", "f2")
    }
    arrays |= {str(dtype): np.arange(6).astype(dtype) for dtype in ("f4", "f8", "c8", "c16", "u2", "u4", "u8")}
    arrays |= {name: np.ones(1) for name in names} | {"scalar": np.array(2.0), "empty": np.zeros((0, 3))}
    brain = Tensor.of("brain", np.arange(4, dtype=np.uint16), dtype="bfloat16")
    eight = Tensor.of("eight", np.arange(4, dtype=np.uint8), dtype="float8_e5m2")
    weights = WeightFile((*(Tensor.of(name, array) for name, array in arrays.items()), brain, eight))
    exporters.write(weights, tmp_path / "a.pt")
    loaded = torch.load(tmp_path / "a.pt", weights_only=True)
    assert loaded["brain"].dtype == torch.bfloat16
    assert loaded["brain"].view(torch.int16).tolist() == [0, 1, 2, 3]
    assert loaded["eight"].dtype == torch.float8_e5m2
    for name, array in arrays.items():
        np.testing.assert_array_equal(loaded[name].numpy(), array)
    mapped = torch.load(tmp_path / "a.pt", weights_only=True, mmap=True)
    assert torch.equal(mapped["f4"], loaded["f4"])


def test_what_is_lost_is_named(weights):
    lines = formats()["torch"].losses(weights)
    assert [line.split(":")[0] for line in lines] == [
        *("the architecture", "metadata", "the position of the training", "1 tensors of kind optimizer")
    ]
    assert lines[1] == "metadata: recipe, seed, history"
    assert formats()["torch"].losses(WeightFile(weights.tensors[:2])) == ()


def test_two_tensors_of_one_name(tmp_path):
    pair = (Tensor.of("1.gamma", np.ones(2), role="gamma"), Tensor.of("1.weight", np.ones(2), role="weight"))
    with pytest.raises(ExportError, match=r"parameter 1\.weight: a state_dict holds one tensor of that name, got two"):
        exporters.write(WeightFile(pair), tmp_path / "a.pt")
    with pytest.raises(ExportError, match="a name of 300000 characters"):
        exporters.write(WeightFile((Tensor.of("a" * 300_000, np.ones(1)),)), tmp_path / "a.pt")
    assert list(tmp_path.iterdir()) == []


def test_a_writer_that_changes_a_value_is_caught(weights, tmp_path, monkeypatch):
    from cnnkit.exporters.pytorch import format as torch_format

    real = torch_format.write_torch
    wrong = {"0.weight": Tensor.of("0.weight", np.zeros(3))}
    for change in (wrong, {}):
        monkeypatch.setattr(torch_format, "write_torch", lambda kept, path, c=change: real(kept | c if c else {}, path))
        with pytest.raises(Exception, match=r"reads back differently|no tensors in it"):
            exporters.write(weights, tmp_path / "a.pt")
        assert list(tmp_path.iterdir()) == []
