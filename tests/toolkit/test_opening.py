"""Opening strangers' files: what is adopted, what is not, and what to type instead."""

import os
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch

from cnnkit import Model, exporters, recipes
from cnnkit.adopting.opening import adopt, describe_shape, read_network
from cnnkit.errors import ConfigError, WeightFileError
from cnnkit.layers import BatchNorm, Conv2D, Dense, Flatten, MaxPool2D, ReLU, Sequential

NET = Sequential((Conv2D(4, 3), BatchNorm(), ReLU(), MaxPool2D(2), Flatten(), Dense(5)))


class Twin(torch.nn.Module):
    """NET under names of its own."""

    def __init__(self):
        super().__init__()
        self.conv, self.norm, self.fc = torch.nn.Conv2d(1, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.Linear(36, 5)

    def forward(self, x):
        x = torch.nn.functional.max_pool2d(torch.relu(self.norm(self.conv(x))), 2)
        return self.fc(x.flatten(1))


@pytest.fixture(scope="module")
def twin():
    torch.manual_seed(0)
    net = Twin()
    net.norm.running_mean.normal_()
    return net.eval()


def recipe_of(net, shape):
    model = Model(net, shape)
    return recipes.Recipe("twin", model.to_weights().architecture)


@pytest.mark.parametrize("prefix", ["", "module."])
@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16", "float64"])
def test_a_state_dict_is_adopted_with_a_recipe(twin, tmp_path, prefix, dtype):
    kind = getattr(torch, dtype)
    state = {prefix + k: t.to(kind) if t.is_floating_point() else t for k, t in twin.state_dict().items()}
    torch.save(state, tmp_path / "twin.pth")
    adopted = adopt(tmp_path / "twin.pth", recipe=recipe_of(NET, (1, 8, 8)))
    x = np.random.default_rng(0).normal(size=(3, 1, 8, 8)).astype(np.float32)
    with torch.no_grad():
        expected = twin(torch.tensor(x)).numpy()
    tolerance = {"float16": 5e-3, "bfloat16": 5e-2}.get(dtype, 1e-5)
    outputs = Model.from_weights(adopted.to_weights(), dtype="float32").outputs(x)
    np.testing.assert_allclose(outputs, expected, atol=tolerance)
    assert (prefix + "conv.weight", "0.weight") in {(node.name, node.became) for node in adopted.nodes}
    assert describe_shape(adopted.input_shape) == "1 x 8 x 8"


def test_a_state_dict_alone_needs_a_network(twin, tmp_path):
    torch.save(twin.state_dict(), tmp_path / "twin.pth")
    with pytest.raises(WeightFileError, match=r"twin\.pth: the file holds tensors but no architecture") as caught:
        adopt(tmp_path / "twin.pth")
    assert "--recipe NAME" in caught.value.hint
    with pytest.raises(WeightFileError, match="no architecture"):
        Model.load(tmp_path / "twin.pth")


def test_programs_are_named(twin, tmp_path):
    x = torch.zeros(2, 1, 8, 8)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch says that TorchScript is old
        torch.jit.save(torch.jit.trace(twin, x), tmp_path / "script.pt")
    torch.export.save(torch.export.export(twin, (x,)), tmp_path / "program.pt2")
    for name, what in (("script.pt", "a TorchScript program"), ("program.pt2", "a program of torch.export")):
        with pytest.raises(WeightFileError, match=f"{what}.*its tensors, not its.*") as caught:
            adopt(tmp_path / name)
        assert "torch.onnx.export" in caught.value.hint


@pytest.mark.skipif("CNNKIT_CORPUS_DIR" not in os.environ, reason="no corpus of real files: set CNNKIT_CORPUS_DIR")
def test_tflite_is_named():
    with pytest.raises(WeightFileError, match="a TensorFlow Lite file") as caught:
        adopt(Path(os.environ["CNNKIT_CORPUS_DIR"]) / "116_google-ai-edge_fully_connected.tflite")
    assert "tf2onnx" in caught.value.hint


@pytest.mark.parametrize("name", ["hdf5", "json", "npz", "safetensors", "txt", "onnx"])
def test_our_own_need_no_adopting(tmp_path, name):
    path = tmp_path / f"net{exporters.formats()[name].suffixes[0]}"
    Model(NET, (1, 8, 8)).save(path, name)
    with pytest.raises(ConfigError, match="is cnnkit's own: needs no adopting"):
        adopt(path)
    assert read_network(path).architecture is not None


@pytest.mark.parametrize("name", ["hdf5", "json", "npz", "safetensors", "txt", "svg", "onnx"])
def test_what_we_export_loads_back_with_the_same_bits(tmp_path, name):
    model = Model(NET, (1, 8, 8), seed=4)
    path = tmp_path / f"net{exporters.formats()[name].suffixes[0]}"
    model.save(path, name)
    x = np.random.default_rng(1).normal(size=(4, 1, 8, 8)).astype(np.float32)
    np.testing.assert_array_equal(Model.load(path).outputs(x), model.outputs(x))


def test_our_state_dict_loads_back_with_its_network(tmp_path):
    model = Model(NET, (1, 8, 8), seed=4)
    model.save(tmp_path / "net.pt")
    adopted = adopt(tmp_path / "net.pt", recipe=recipe_of(NET, (1, 8, 8)))
    x = np.random.default_rng(1).normal(size=(4, 1, 8, 8)).astype(np.float32)
    np.testing.assert_array_equal(Model.from_weights(adopted.to_weights()).outputs(x), model.outputs(x))


def test_there_must_be_a_file():
    with pytest.raises(WeightFileError, match="no such file"):
        adopt(Path("nothing.onnx"))
