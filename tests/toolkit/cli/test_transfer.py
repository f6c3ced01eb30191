"""A network from a foreign file, its head replaced, a part frozen or slowed, fine-tuned on digits: docs/transfer.md."""

import os
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from cnnkit import Model, exporters

CORPUS = Path(os.environ.get("CNNKIT_CORPUS_DIR") or Path(__file__).parents[4] / "shared" / "corpus")
MNIST = CORPUS / "092_AndreyGermanov_mnist.onnx"


@pytest.fixture
def foreign(folder):
    """An ONNX file made without cnnkit: a convolution and two dense layers, six classes."""
    rng = np.random.default_rng(0)
    shapes = {"k": (4, 1, 3, 3), "kb": (4,), "w": (12, 144), "wb": (12,), "v": (6, 12), "vb": (6,)}
    values = [numpy_helper.from_array(rng.normal(0, 0.2, s).astype("float32"), name) for name, s in shapes.items()]
    nodes = [
        helper.make_node("Conv", ["x", "k", "kb"], ["a"], "conv"), helper.make_node("Relu", ["a"], ["b"], "relu"),
        helper.make_node("Flatten", ["b"], ["c"], "flat"),
        helper.make_node("Gemm", ["c", "w", "wb"], ["d"], "hidden", transB=1),
        helper.make_node("Relu", ["d"], ["e"], "relu2"),
        helper.make_node("Gemm", ["e", "v", "vb"], ["y"], "head", transB=1),
    ]  # fmt: skip
    ends = [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in (("x", ["N", 1, 8, 8]), ("y", ["N", 6]))]
    graph = helper.make_graph(nodes, "foreign", ends[:1], ends[1:], values)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, folder / "foreign.onnx")
    return folder / "foreign.onnx"


def content(path):
    file = exporters.read(Path(path))
    history = [{k: v for k, v in entry.items() if k != "seconds"} for entry in file.metadata["history"]]
    return {(t.kind, t.name): t.sha256() for t in file}, history


@pytest.mark.parametrize("batches", [2, 7])
def test_an_adopted_network_goes_on_inside_an_epoch_to_the_same_bits(cnnkit, foreign, stop_after, batches):
    words = ("train", "--init-from", foreign, "--replace-head", 10, "--freeze", "0", "--layer-rate", "3=0.25",
             "--data", "digits", "--epochs", 2, "--limit", 256, "--batch-size", 50, "--optimizer", "adam")  # fmt: skip
    assert cnnkit(*words, "-o", "whole.h5").status == 0
    with stop_after(batches):
        assert cnnkit(*words, "-o", "parts.h5").status == 130
    assert content("parts.h5") != content("whole.h5")
    result = cnnkit("train", "--resume", "-o", "parts.h5")
    assert result.status == 0, result.err
    assert content("parts.h5") == content("whole.h5")
    before, after = Model.load(foreign).weights, Model.load("whole.h5").weights
    np.testing.assert_array_equal(before["0.weight"], after["0.weight"])
    assert after["5.weight"].shape == (10, 12)


def test_a_layer_rate_scales_the_first_update_of_sgd(cnnkit, foreign):
    words = ("train", "--init-from", foreign, "--replace-head", 10, "--data", "digits", "--epochs", 1, "--limit", 50,
             "--batch-size", 50, "--optimizer", "sgd")  # fmt: skip
    assert cnnkit(*words, "-o", "even.h5").status == 0
    assert cnnkit(*words, "--layer-rate", "0=0.5", "-o", "slow.h5").status == 0
    before, even, slow = (Model.load(path).weights for path in (foreign, "even.h5", "slow.h5"))
    moved = even["0.weight"] - before["0.weight"]
    assert np.abs(moved).max() > 0
    np.testing.assert_allclose(slow["0.weight"] - before["0.weight"], 0.5 * moved, atol=1e-7)
    np.testing.assert_array_equal(slow["3.weight"], even["3.weight"])


@pytest.mark.corpus
@pytest.mark.skipif(not MNIST.is_file(), reason="no corpus of real weight files: set CNNKIT_CORPUS_DIR")
def test_a_foreign_network_learns_digits_better_than_one_from_the_beginning(cnnkit, tmp_path):
    budget = ("--data", "digits-28", "--limit", 100, "--epochs", 5, "--batch-size", 10, "--optimizer", "adam",
              "--learning-rate", 0.002, "--validation-split", 0, "--json")  # fmt: skip
    ways = {
        "frozen": ("--init-from", MNIST, "--replace-head", 10, "--freeze", "0", "--freeze", "3"),
        "slowed": ("--init-from", MNIST, "--replace-head", 10, "--layer-rate", "0=0.1", "--layer-rate", "3=0.3"),
        "scratch": ("--recipe", "lenet5"),
    }
    right = {}
    for name, words in ways.items():
        result = cnnkit("train", *words, *budget, "-o", tmp_path / f"{name}.h5")
        assert result.status == 0, result.err
        right[name] = result.json["test"]["accuracy"]
        assert result.json["seconds"] < 60
    assert min(right["frozen"], right["slowed"]) > 0.9 > right["scratch"] + 0.02
