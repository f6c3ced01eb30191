"""Graphs as functional models: the real Keras loads them, and every output is that of our own model."""

import json
from pathlib import Path

import h5py
import numpy as np
import pytest
from graphs import NETWORKS, compute_outputs, draw_samples, make_model

from cnnkit.errors import ExportError
from cnnkit.exporters import write
from cnnkit.layers import Concatenate, Conv2D, Dense, Divide, Flatten, Graph, Node
from cnnkit.model import Model

RUN = """
import json, sys
import h5py, keras
import numpy as np
def turn(x, axis, to):
    return np.moveaxis(x, axis, to) if x.ndim > 2 else x
for path in json.loads(sys.argv[1]):
    model = keras.Model.from_config(json.loads(h5py.File(path).attrs["functional_config"]))
    model.load_weights(path)
    samples = [turn(x, 1, -1) for x in np.load(path + ".x.npz").values()]
    outputs = model(samples if len(samples) > 1 else samples[0], training=False)
    outputs = outputs if isinstance(outputs, (list, tuple)) else [outputs]
    values = [turn(keras.ops.convert_to_numpy(y), -1, 1) for y in outputs]
    np.savez(path + ".y.npz", *values)
    with open(path + ".names.json", "w") as stream:
        json.dump([[x.name for x in model.inputs], list(model.output_names)], stream)
"""


@pytest.fixture(scope="module")
def written(tmp_path_factory, keras_process):
    """{name: (model, path, samples, outputs by Keras, names of inputs and outputs)}, which runs them all at once."""
    folder, found = tmp_path_factory.mktemp("keras"), {}
    for name in NETWORKS:
        model = make_model(name)
        path, samples = folder / f"{name}.weights.h5", draw_samples(model)
        write(model.to_weights(), path)
        np.savez(f"{path}.x.npz", **samples)
        found[name] = (model, path, samples)
    paths = json.dumps([str(path) for _, path, _ in found.values()])
    keras_process.run(RUN, paths)
    for name, entry in found.items():
        with np.load(f"{entry[1]}.y.npz") as outputs:
            names = json.loads(Path(f"{entry[1]}.names.json").read_text())
            found[name] = (*entry, list(outputs.values()), names)
    return found


@pytest.mark.parametrize("name", NETWORKS)
def test_keras_gives_the_same_outputs(written, assert_close, name):
    model, _, samples, outputs, (inputs, names) = written[name]
    ours = compute_outputs(model, samples)
    assert inputs == list(samples)
    assert len(ours) == 1 or names == [name.replace(":", "_") for name in ours]
    for values, expected in zip(outputs, ours.values(), strict=True):
        assert_close(values, expected, "float32")
        assert np.ptp(expected, axis=0).max() > 1e-4  # not a net that says the same to everything


def test_shared_weights_are_written_once(written):
    with h5py.File(written["siamese"][1]) as file:
        kernels = [name for name in file["layers"] if name.startswith("conv2d") and len(file["layers"][name]["vars"])]
    assert kernels == ["conv2d", "conv2d_1"]


def rows_of_two_orders():
    """A Dense that is shared by a row that Keras flattens in another order and one that it does not."""
    nodes = (
        Node("conv", Conv2D(2, 1), ("input",)),
        Node("flat", Flatten(), ("conv",)),
        Node("first", Dense(18), ("flat",)),
        Node("second", None, ("first",), "first"),
        Node("both", Concatenate(), ("second", "flat")),
    )
    return Model(Graph(nodes), (1, 3, 3))


def test_a_shared_dense_layer_has_one_order_of_rows(tmp_path):
    file = rows_of_two_orders().to_weights()
    write(file, tmp_path / "a.weights.h5")
    with h5py.File(tmp_path / "a.weights.h5") as saved:
        np.testing.assert_array_equal(saved["layers/dense/vars/0"], file["first.weight"].read().T)


def test_what_keras_lacks_is_one_line(tmp_path):
    nodes = (Node("a", Dense(2), ("input",)), Node("ratio", Divide(), ("a", "a")))
    with pytest.raises(ExportError, match=r"layer ratio \(Divide\): cnnkit does not convert it to Keras"):
        write(Model(Graph(nodes), (3,)).to_weights(), tmp_path / "a.weights.h5")
    assert list(tmp_path.iterdir()) == []
