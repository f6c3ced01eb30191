"""The nine light networks of the package onnx: AlexNet to ShuffleNet, whose weights a few bytes describe.

Their weights repeat one number, which makes all classes equal but for rounding: here they are drawn anew, as
initializers of the same names, so that a value in a wrong place is seen. Two of them run always, all of them with
CNNKIT_ALL_NETWORKS=1 (make onnx-networks).
"""

import os
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import numpy_helper
from onnx_cases import run_case

from cnnkit.adopting.onnx import adopt_onnx
from cnnkit.errors import WeightFileError
from cnnkit.layers import Graph, Sequential

FOLDER = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"
QUICK = ("squeezenet", "shufflenet")
NETWORKS = {
    "bvlc_alexnet": Sequential,
    "densenet121": Graph,
    "inception_v1": Graph,
    "inception_v2": Graph,
    "resnet50": Graph,
    "shufflenet": Graph,
    "squeezenet": Graph,
    "vgg19": Sequential,
    "zfnet512": Sequential,
}


def draw_weights(path, target):
    """Write the network with the results of ConstantOfShape as initializers, drawn from one seed."""
    model, rng = onnx.load(path), np.random.default_rng(7)
    shapes = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    nodes, drawn = [], {}
    for node in model.graph.node:
        if node.op_type == "ConstantOfShape":
            drawn[node.output[0]] = tuple(map(int, shapes[node.input[0]]))
        else:
            nodes.append(node)
    variances = {node.input[4] for node in nodes if node.op_type == "BatchNormalization"}
    for name, shape in drawn.items():
        if len(shape) > 1:
            values = rng.normal(size=shape) * np.sqrt(2 / np.prod(shape[1:]))
        else:
            values = rng.uniform(0.5, 1.5, shape) if name in variances else 1 + 0.1 * rng.normal(size=shape)
        model.graph.initializer.append(numpy_helper.from_array(values.astype(np.float32), name))
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    target.write_bytes(model.SerializeToString())


def adopt_light(name):
    return adopt_onnx(FOLDER / f"light_{name}.onnx")


@pytest.mark.parametrize("name", NETWORKS)
def test_a_light_network_is_adopted_as_it_is(name, monkeypatch):
    monkeypatch.setenv("CNNKIT_LIMITS", "10")
    adopted = adopt_light(name)
    assert isinstance(adopted.network, NETWORKS[name])
    assert adopted.input_shape == (3, 224, 224)
    assert adopted.network.output_shape(adopted.input_shape)[0] == 1000
    assert {node.operator for node in adopted.nodes} >= {"Conv", "Relu"}


def test_weights_made_from_a_few_bytes_are_bounded(monkeypatch):
    monkeypatch.delenv("CNNKIT_LIMITS", raising=False)
    with pytest.raises(WeightFileError, match=r"makes weights of 548\.1 MiB from a few numbers.*CNNKIT_LIMITS=10"):
        adopt_light("vgg19")


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS if os.environ.get("CNNKIT_ALL_NETWORKS") else QUICK)
def test_outputs_are_those_of_onnxruntime(name, tmp_path):
    path = tmp_path / "drawn.onnx"
    draw_weights(FOLDER / f"light_{name}.onnx", path)
    x = np.random.default_rng(3).normal(size=(1, 3, 224, 224)).astype(np.float32)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (wanted,) = session.run(None, {session.get_inputs()[0].name: x})
    assert wanted.std() > 1e-6  # the classes differ
    adopted = adopt_onnx(path)
    for backend in ("numpy", "torch"):
        (got,) = run_case(adopted, (x,), backend)
        assert got.shape == wanted.shape
        assert np.abs(got - wanted).max() <= 1e-5 * np.abs(wanted).max(), backend
