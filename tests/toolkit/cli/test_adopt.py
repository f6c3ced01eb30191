"""`cnnkit adopt`, and every command that takes a stranger's file as it is."""

import dataclasses

import numpy as np
import onnx
import pytest

from cnnkit import Model, exporters
from cnnkit.adopting import opening
from cnnkit.adopting.checking import check as checking
from cnnkit.layers import BatchNorm, Conv2D, Dense, Flatten, MaxPool2D, ReLU, Sequential
from cnnkit.tree import map_leaves

NET = Sequential((Conv2D(4, 3), BatchNorm(), ReLU(), MaxPool2D(2), Flatten(), Dense(10)))
FEW = ("--epochs", 1, "--limit", 100)


@pytest.fixture
def model():
    made = Model(NET, (1, 8, 8), seed=3)
    made.state = map_leaves(lambda values: values + 0.25, made.state)
    return made


@pytest.fixture
def stranger(model, folder):
    """An ONNX file that tells nothing of cnnkit."""
    model.save(folder / "own.onnx")
    proto = onnx.load(folder / "own.onnx")
    del proto.metadata_props[:]
    proto.producer_name = "somebody"
    onnx.save(proto, folder / "net.onnx")
    return folder / "net.onnx"


def test_what_each_node_became_and_that_it_computes_the_same(cnnkit, stranger, model):
    result = cnnkit("adopt", stranger, "-o", "net.h5", "--check", "--scaling", "0-1")
    assert result.status == 0, result
    assert "compared with onnxruntime on 4 drawn inputs" in result.out
    assert "the outputs agree" in result.out
    assert "input 1 x 8 x 8, output 10" in result.out
    assert "(raw - 0) * 0.00392157" in result.out
    adopted = Model.load("net.h5")
    x = np.random.default_rng(0).normal(size=(5, 1, 8, 8)).astype(np.float32)
    np.testing.assert_allclose(adopted.outputs(x), model.outputs(x), rtol=1e-4, atol=1e-5)
    assert adopted.scaling.factor == 1 / 255
    assert adopted.metadata["adopted_from"] == {"file": "net.onnx"}


def test_the_result_as_json(cnnkit, stranger):
    result = cnnkit("adopt", stranger, "--check", "--samples", 2, "--json").json
    assert (result["out"], result["input_shape"], result["output_shape"]) == (None, [1, 8, 8], [10])
    assert result["check"]["passed"] is True
    assert result["check"]["first_divergence"] is None
    assert result["check"]["samples"] == 2
    compared = {row["operator"] for row in result["check"]["nodes"]}
    assert {"Conv", "Relu", "MaxPool"} <= compared
    assert all(row["relative"] < 1e-4 for row in result["check"]["nodes"])
    assert {node["operator"] for node in result["nodes"]} >= compared


def test_a_wrong_weight_is_found_with_its_node(cnnkit, stranger, monkeypatch):
    adopt_onnx = opening.adopt_onnx

    def adopt_wrongly(path, external=False):
        adopted = adopt_onnx(path, external)
        params = map_leaves(np.array, adopted.variables.params)
        last = list(params)[-1]
        params[last]["weight"][0, 0] += 1
        return dataclasses.replace(adopted, variables=adopted.variables._replace(params=params))

    monkeypatch.setattr(opening, "adopt_onnx", adopt_wrongly)
    result = cnnkit("adopt", stranger, "--check")
    assert result.status == 1
    assert "first divergence: " in result.out
    assert "(Gemm)" in result.out
    assert "the outputs differ by more than 1e-4" in result.out
    assert cnnkit("adopt", stranger, "--check", "--json").json["check"]["passed"] is False


def test_without_the_runtime_backends_are_compared(cnnkit, stranger, monkeypatch):
    monkeypatch.setattr(checking, "find_runtime", lambda _: None)
    result = cnnkit("adopt", stranger, "--check")
    assert result.status == 0
    assert "compared with cnnkit's backend reference" in result.out


def test_every_command_takes_the_file_as_it_is(cnnkit, stranger, model):
    own = cnnkit("evaluate", "own.onnx", "--data", "digits", "--scaling", "0-1", "--json").json
    result = cnnkit("evaluate", stranger, "--data", "digits", "--scaling", "0-1", "--json")
    assert result.json["loss"] == pytest.approx(own["loss"], rel=1e-4)
    assert "adopted from onnx" in result.err
    assert cnnkit("predict", stranger, "--data", "digits", "--json").json["predictions"][0]["index"] == 0
    assert cnnkit("summary", stranger, "--json").json["parameters"] == model.parameters
    assert cnnkit("show", stranger, "*", "--json").status == 0
    for name in ("net.svg", "net.weights.h5"):
        assert cnnkit("export", stranger, "-o", name).status == 0, name
    assert cnnkit("export", stranger, "-o", "again.onnx").status == 0
    x = np.random.default_rng(0).normal(size=(5, 1, 8, 8)).astype(np.float32)
    np.testing.assert_allclose(Model.load("again.onnx").outputs(x), model.outputs(x), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(Model.load(stranger).outputs(x), model.outputs(x), rtol=1e-4, atol=1e-5)


def test_tensors_alone_are_exported_as_they_are(cnnkit, stranger):
    assert cnnkit("export", stranger, "-o", "net.npz").status == 0
    names = [tensor.name for tensor in exporters.read(stranger)]
    assert [tensor.name for tensor in exporters.read("net.npz")] == names


def test_a_stranger_s_network_is_tuned(cnnkit, stranger):
    words = ("--init-from", stranger, "--replace-head", 10, "--freeze", "0", "-o", "tuned.h5", *FEW)
    result = cnnkit("train", *words)
    assert result.status == 0, result
    before, after = Model.load(stranger).weights, Model.load("tuned.h5").weights
    np.testing.assert_array_equal(before["0.weight"], after["0.weight"])


def test_what_is_refused(refused, stranger, trained, cnnkit):
    assert "is cnnkit's own: needs no adopting" in refused("adopt", trained)
    assert "expected -o OUT" in refused("adopt", stranger, "--format", "npz")
    assert "no format has this suffix" in refused("adopt", stranger, "-o", "net.bin")
    assert "expected whole numbers" in refused("adopt", stranger, "--input-shape", "1,x,8")
    assert "got (1, 12, 8)" in refused("adopt", stranger, "--input-shape", "1,12,8")
    assert "is FILE itself" in refused("adopt", stranger, "-o", stranger)
    cnnkit("adopt", stranger, "-o", "net.h5")
    assert "already exists" in refused("adopt", stranger, "-o", "net.h5")
    assert cnnkit("adopt", stranger, "-o", "net.h5", "--overwrite").status == 0


def test_a_state_dict_needs_a_recipe(cnnkit, refused, folder):
    made = Model(NET, (1, 8, 8))
    made.save(folder / "net.pt")
    (folder / "net.toml").write_text(
        'input_shape = [1, 8, 8]\nlayers = [{type = "Conv2D", features = 4, window = 3}, {type = "BatchNorm"}, '
        '{type = "ReLU"}, {type = "MaxPool2D", window = 2}, {type = "Flatten"}, {type = "Dense", features = 10}]\n'
    )
    line = refused("adopt", "net.pt")
    assert "holds tensors but no architecture" in line
    assert "--model net.toml" in line
    result = cnnkit("adopt", "net.pt", "--model", "net.toml", "-o", "net.h5", "--check", "--json").json
    assert result["check"]["against"] == "cnnkit's backend reference"
    assert {node["became"] for node in result["nodes"]} == set(made.weights)
