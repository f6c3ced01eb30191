"""Each activation and normalisation alone, as ONNX operations, gives in onnxruntime what it gives here."""

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from cnnkit.exporters import Tensor, write
from cnnkit.exporters.onnx.format import OnnxFormat
from cnnkit.layers import LRN, Dense, LayerNorm, LogSoftmax, PReLU, Sequential, Softmax, SpatialDropout
from cnnkit.model import Model
from cnnkit.parity.layers.activations import ACTIVATIONS
from cnnkit.parity.layers.normalisation import NORMALISATION
from cnnkit.parity.layers.samples import fit_inputs

RUN = """
import json, sys
import numpy as np
import onnxruntime
for path in json.loads(sys.argv[1]):
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    np.save(path + ".y.npy", session.run(None, {"input": np.load(path + ".x.npy")})[0])
"""
CASES = [
    *(case for cases in (ACTIVATIONS | NORMALISATION).values() for case in cases),
    (Dense(3, axis=-1), (4, 5, 6)),
    (Dense(3, bias=False, axis=-1), (4, 5)),
    (SpatialDropout(), (4, 5)),
    (PReLU(axes=(2,)), (4, 5, 6)),
    (Softmax(axes=(1, 3)), (4, 5, 6)),
    (LogSoftmax(axes=(2,)), (4, 5, 6)),
    (LayerNorm(axes=(2, 3), scale=False), (4, 5, 6)),
    (LayerNorm(axes=(2,)), (4, 5, 6)),
    (LRN(5, alpha=0.5), (7, 2, 3)),
    (LRN(4, alpha=0.5, bias=2.0), (7, 2, 3)),
    (LRN(3, alpha=0.5), (7, 2, 3, 2)),
]
DTYPES = ("float32", "float64")


def moved(layer, shape, dtype):
    """Return a model of the layer after a PReLU, whose weight has the type; no parameter or statistic is neutral."""
    model, rng = Model(Sequential((PReLU(axes=()), layer)), shape, dtype=dtype), np.random.default_rng(1)
    file = model.to_weights()
    tensors = [
        Tensor.of(
            *(t.name, (t.read() + rng.uniform(0.1, 0.6, t.shape)).astype(dtype)),
            **{"layer": t.layer, "kind": t.kind, "role": t.role, "axes": t.axes},
        )
        for t in file
    ]
    return Model.from_weights(replace(file, tensors=tuple(tensors)))


@pytest.fixture(scope="module")
def computed(tmp_path_factory):
    """{(number of the case, dtype): (model, samples, outputs by onnxruntime)}: one process runs them all."""
    folder, made = tmp_path_factory.mktemp("onnx"), {}
    for number, (layer, shape) in enumerate(CASES):
        for dtype in DTYPES:
            path, model = folder / f"{number}-{dtype}.onnx", moved(layer, shape, dtype)
            write(model.to_weights(), path)
            samples = fit_inputs(layer, np.random.default_rng(2).normal(size=(3, *shape)) * 2).astype(dtype)
            np.save(f"{path}.x.npy", samples)
            made[number, dtype] = (model, samples, path)
    paths = json.dumps([str(path) for _, _, path in made.values()])
    result = subprocess.run([sys.executable, "-c", RUN, paths], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return {key: (model, x, np.load(f"{path}.y.npy")) for key, (model, x, path) in made.items()}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("number", range(len(CASES)), ids=lambda number: str(CASES[number][0]))
def test_onnxruntime_gives_the_same_outputs(computed, assert_close, number, dtype):
    model, samples, outputs = computed[number, dtype]
    assert outputs.dtype == dtype
    assert_close(outputs, model.outputs(samples), "float32")
    rounded = OnnxFormat().losses(model.to_weights())
    if dtype == "float64" and not rounded:
        constants = 1e-7  # an attribute of an operation is float32: an epsilon, a slope
        assert np.abs(outputs - model.outputs(samples)).max() < constants
    assert dtype == "float64" or not rounded
