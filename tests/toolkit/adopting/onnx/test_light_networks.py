"""The nine light networks of the package onnx: AlexNet to ShuffleNet, whose weights a few bytes describe.

Their weights repeat one number, which makes all classes equal but for rounding: here they are drawn anew, as
initializers of the same names, so that a value in a wrong place is seen. Two of them run always, all of them with
CNNKIT_ALL_NETWORKS=1 (make onnx-networks).
"""

import os

import numpy as np
import onnxruntime
import pytest
from onnx_cases import LIGHT, draw_weights, run_case

from cnnkit.adopting.onnx import adopt_onnx, building
from cnnkit.errors import WeightFileError
from cnnkit.layers import Graph, Sequential

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


def adopt_light(name):
    return adopt_onnx(LIGHT / f"light_{name}.onnx")


@pytest.mark.parametrize("name", NETWORKS)
def test_a_light_network_is_adopted_as_it_is(name):
    adopted = adopt_light(name)
    assert isinstance(adopted.network, NETWORKS[name])
    assert adopted.input_shape == (3, 224, 224)
    assert adopted.network.output_shape(adopted.input_shape)[0] == 1000
    assert {node.operator for node in adopted.nodes} >= {"Conv", "Relu"}


def test_weights_made_from_a_few_bytes_are_bounded(monkeypatch):
    monkeypatch.delenv("CNNKIT_LIMITS", raising=False)
    monkeypatch.setattr(building, "_FREE_BYTES", 64 << 20)
    with pytest.raises(WeightFileError, match=r"makes weights of 232\.\d MiB from a few numbers.*CNNKIT_LIMITS=10"):
        adopt_light("bvlc_alexnet")


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS if os.environ.get("CNNKIT_ALL_NETWORKS") else QUICK)
def test_outputs_are_those_of_onnxruntime(name, tmp_path):
    path = tmp_path / "drawn.onnx"
    draw_weights(LIGHT / f"light_{name}.onnx", path)
    x = np.random.default_rng(3).normal(size=(1, 3, 224, 224)).astype(np.float32)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (wanted,) = session.run(None, {session.get_inputs()[0].name: x})
    assert wanted.std() > 1e-6  # the classes differ
    adopted = adopt_onnx(path)
    for backend in ("numpy", "torch"):
        (got,) = run_case(adopted, (x,), backend)
        assert got.shape == wanted.shape
        assert np.abs(got - wanted).max() <= 1e-5 * np.abs(wanted).max(), backend
