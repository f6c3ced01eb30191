"""Each activation and normalisation alone: the real Keras loads what we write and gives what it gives here."""

import json
from dataclasses import replace

import numpy as np
import pytest

from cnnkit.errors import ExportError
from cnnkit.exporters import Tensor, read, write
from cnnkit.layers import (
    CELU,
    BatchNorm,
    Clip,
    Dense,
    Flatten,
    GroupNorm,
    Hardsigmoid,
    InstanceNorm,
    LayerNorm,
    LogSoftmax,
    PReLU,
    RMSNorm,
    Sequential,
    Softmax,
    SpatialDropout,
)
from cnnkit.model import Model
from cnnkit.parity.layers.activations import ACTIVATIONS
from cnnkit.parity.layers.normalisation import NORMALISATION

RUN = """
import json, sys
import h5py, keras
import numpy as np
for path in json.loads(sys.argv[1]):
    model = keras.Sequential.from_config(json.loads(h5py.File(path).attrs["sequential_config"]))
    model.load_weights(path)
    x = np.load(path + ".x.npy")
    y = keras.ops.convert_to_numpy(model(np.moveaxis(x, 1, -1), training=False))
    np.save(path + ".y.npy", np.moveaxis(y, -1, 1))
"""
IMAGES, SEQUENCE = (4, 5, 6), (4, 5)
CASES = [
    *(
        case
        for name, cases in (ACTIVATIONS | NORMALISATION).items()
        if name not in ("Log", "Sqrt", "Abs", "Square", "Reciprocal", "Power", "LRN", "CELU", "GELU", "Clip")
        for case in cases
        if case[0] not in (Hardsigmoid(slope=0.2), LogSoftmax(axes=(1, 2)))
        and case[0] not in (RMSNorm(scale=False), RMSNorm(epsilon=0.1, axes=(-1, 1)))
    ),
    (CELU(), IMAGES),
    (Clip(0, 0.7), IMAGES),
    (Clip(0), (7,)),
    (Dense(3, axis=-1), IMAGES),
    (Dense(3, axis=-1), SEQUENCE),
    (SpatialDropout(), IMAGES),
    (SpatialDropout(), SEQUENCE),
    (Softmax(axes=(1, 3)), IMAGES),
    (Softmax(axes=(3,)), IMAGES),
    (LogSoftmax(), IMAGES),
    (PReLU(axes=(1, 2, 3)), IMAGES),
    (PReLU(axes=(2,)), IMAGES),
    (RMSNorm(axes=(1, 2, 3)), IMAGES),
    (RMSNorm(axes=(3, 1)), IMAGES),
    (LayerNorm(axes=(1, 3)), IMAGES),
    (LayerNorm(axes=(2, 3)), IMAGES),
    (Sequential((Flatten(), PReLU(), RMSNorm(), BatchNorm(shift=False), PReLU(axes=()), Softmax())), (2, 3, 4)),
]


def moved(layer, shape):
    """Return a model of the layer after a PReLU, so that there is a weight; no parameter or statistic is neutral."""
    rng = np.random.default_rng(1)
    file = Model(Sequential((PReLU(axes=()), layer)), shape).to_weights()
    tensors = [
        Tensor.of(
            *(t.name, np.float32(t.read() + rng.uniform(0.1, 0.6, t.shape))),
            **{"layer": t.layer, "kind": t.kind, "role": t.role, "axes": t.axes},
        )
        for t in file
    ]
    return Model.from_weights(replace(file, tensors=tuple(tensors)))


@pytest.fixture(scope="module")
def computed(tmp_path_factory, keras_process):
    """[(model, path, samples, outputs by Keras)], which runs them all at once."""
    folder, made = tmp_path_factory.mktemp("keras"), []
    for number, (layer, shape) in enumerate(CASES):
        path, model = folder / f"{number}.weights.h5", moved(layer, shape)
        write(model.to_weights(), path)
        samples = (np.random.default_rng(2).normal(size=(3, *shape)) * 2).astype(np.float32)
        np.save(f"{path}.x.npy", samples)
        made.append((model, path, samples))
    paths = json.dumps([str(path) for _, path, _ in made])
    keras_process.run(RUN, paths)
    return [(model, path, x, np.load(f"{path}.y.npy")) for model, path, x in made]


@pytest.mark.parametrize("number", range(len(CASES)), ids=lambda number: str(CASES[number][0])[:60])
def test_keras_gives_the_same_outputs(computed, assert_close, number):
    model, path, samples, outputs = computed[number]
    assert_close(outputs, model.outputs(samples), "float32")
    assert np.ptp(outputs) > 1e-4
    assert sorted(t.parameters for t in read(path)) == sorted(t.parameters for t in model.to_weights())


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (CELU(0.5), r"layer 0 \(CELU\): Keras's activation 'celu' has alpha = 1\.0"),
        (Hardsigmoid(0.2), r"layer 0 \(Hardsigmoid\): Keras's activation 'hard_sigmoid' has slope"),
        (Clip(-1, 1), r"layer 0 \(Clip\): Keras clips from 0 on only: low = 0"),
        (LogSoftmax((2,)), "along its last axis: here axes = 1, the channels"),
        (RMSNorm(axes=(2,)), "Keras normalises its last axes, of images height, width, channels"),
        (LayerNorm(axes=(2,)), "Keras normalises its last axes"),
        (RMSNorm(scale=False), "Keras's RMSNormalization always has a scale"),
        (Sequential((Flatten(), GroupNorm(2))), "the groups of a flattened image lie apart in Keras"),
    ],
)
def test_what_keras_has_not_is_one_line(tmp_path, layer, message):
    with pytest.raises(ExportError, match=message):
        write(Model(Sequential((layer,)), IMAGES).to_weights(), tmp_path / "a.weights.h5")
    assert list(tmp_path.iterdir()) == []


def test_instance_norm_is_as_many_groups_as_channels(tmp_path):
    write(Model(Sequential((InstanceNorm(),)), IMAGES).to_weights(), tmp_path / "a.weights.h5")
    assert [t.name.rpartition(".")[2] for t in read(tmp_path / "a.weights.h5")] == ["gamma", "beta"]
