"""Graphs as ONNX: onnxruntime gives every output of our own model, by its name, and the file reads back bit for bit."""

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from graphs import NETWORKS, compute_outputs, draw_samples, make_model

from cnnkit.errors import ExportError
from cnnkit.exporters import read, write
from cnnkit.model import Model

RUN = """
import json, sys
import numpy as np
import onnxruntime
for path in json.loads(sys.argv[1]):
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    names = [value.name for value in session.get_outputs()]
    np.savez(path + ".y.npz", **dict(zip(names, session.run(None, dict(np.load(path + ".x.npz"))))))
"""
CASES = [*((name, "float32") for name in NETWORKS), ("mobile", "float64"), ("siamese", "float64")]


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """{(name, dtype): (model, path, samples, {output: values by onnxruntime})}: one process runs them all."""
    folder, found = tmp_path_factory.mktemp("graphs"), {}
    for name, dtype in CASES:
        model = make_model(name, dtype)
        path, samples = folder / f"{name}-{dtype}.onnx", draw_samples(model)
        write(model.to_weights(), path)
        np.savez(f"{path}.x.npz", **samples)
        found[name, dtype] = (model, path, samples)
    paths = json.dumps([str(path) for _, path, _ in found.values()])
    result = subprocess.run([sys.executable, "-c", RUN, paths], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return {key: (*entry, dict(np.load(f"{entry[1]}.y.npz"))) for key, entry in found.items()}


@pytest.mark.parametrize("case", CASES, ids="-".join)
def test_onnxruntime_gives_the_same_outputs(written, assert_close, case):
    model, _, samples, outputs = written[case]
    ours = compute_outputs(model, samples)
    assert list(outputs) == list(ours) == list(model.network.output_names)
    for name, values in ours.items():
        assert_close(outputs[name], values, "float32")
        assert np.ptp(values, axis=0).max() > 1e-4  # not a net that says the same to everything


@pytest.mark.parametrize("case", CASES, ids="-".join)
def test_the_file_reads_back_as_the_same_model(written, contents, case):
    model, path, samples, _ = written[case]
    file = model.to_weights()
    assert contents(read(path)) == contents(file)
    assert len(read(path)) == len(file)  # a shared weight is there once
    again = compute_outputs(Model.load(path), samples)
    for name, values in compute_outputs(model, samples).items():
        np.testing.assert_array_equal(again[name], values)


def changed(**fields):
    """Return a function that gives node "again" of the network `twice` other fields."""

    def change(file):
        layers = [layer | fields if layer.get("name") == "again" else layer for layer in file.architecture["layers"]]
        return replace(file, architecture=file.architecture | {"layers": layers})

    return change


def top(**fields):
    return lambda file: replace(file, architecture=file.architecture | fields)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (changed(inputs=["nobody"]), r"layer again: no layer before it and no input is named 'nobody'"),
        (changed(inputs=["mean"]), r"layer again: no layer before it and no input is named 'mean'"),
        (changed(inputs=[]), r"layer again\.inputs: expected a list of names, got \[\]"),
        (changed(inputs=["conv:1"]), r"layer conv has 1 output: there is no output 1"),
        (changed(inputs=["conv:-1"]), r"no layer before it and no input is named 'conv:-1'"),
        (changed(shares="again"), r"layer again\.shares: no layer 'again' has weights"),
        (changed(name="conv"), r"layer conv: expected a name that no other layer and no input has"),
        (changed(name=["x"]), r"expected a name that no other layer and no input has"),
        (changed(output_shape=[[2], 3]), r"expected a shape, got \[\[2\], 3\]"),
        (top(output_names=["nobody"]), r"output_names: no layer before it and no input is named 'nobody'"),
        (top(output_names=["mean:1"]), r"there is no output 1"),
        (top(input_names="input"), r"input_names: expected a list of names, got 'input'"),
        (top(input_shape=[[2, 6, 6], [2, 6, 6]]), r"input_shape: expected one for each of 1 inputs, got 2"),
    ],
)
def test_edges_that_lead_nowhere_are_one_line(tmp_path, change, message):
    with pytest.raises(ExportError, match=message):
        write(change(make_model("twice").to_weights()), tmp_path / "a.onnx")
    assert list(tmp_path.iterdir()) == []
