"""Each layer that moves, pads, resamples or reduces: what Keras makes of the file is what the layer makes."""

import json

import numpy as np
import pytest

from cnnkit.errors import ExportError
from cnnkit.exporters import write
from cnnkit.layers import (
    ChannelShuffle,
    Crop,
    Dense,
    DepthToSpace,
    Flatten,
    LayerNorm,
    Pad,
    Reduce,
    Rescale,
    Sequential,
    Slice,
    SpaceToDepth,
    Transpose,
    Upsample,
)
from cnnkit.model import Model

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
IMAGES = (4, 6, 8)
CASES = [
    ((Flatten(2),), IMAGES), ((Flatten(3),), IMAGES),
    ((Transpose((0, 2, 3, 1)),), IMAGES), ((Transpose((0, 3, 1, 2)), Flatten()), IMAGES),
    ((Transpose((0, 2, 1)),), (3, 5)), ((Transpose((0, 3, 4, 1, 2)),), (2, 3, 4, 5)),
    ((ChannelShuffle(2),), IMAGES), ((ChannelShuffle(2), Dense(3)), (6,)), ((ChannelShuffle(2),), (4, 5)),
    ((Flatten(), ChannelShuffle(2)), IMAGES),
    ((Slice(1, 1, 3),), IMAGES), ((Slice(2, -4),), IMAGES), ((Slice(3, 1, -2),), IMAGES), ((Slice(1, 2),), (6,)),
    ((Slice(2, 2, 4),), (3, 6)), ((Flatten(), Slice(1, 5, -9)), IMAGES),
    ((Crop(1),), IMAGES), ((Crop(((1, 2), (0, 1), (2, 0))),), IMAGES), ((Crop(0),), IMAGES),
    ((Pad((2, 1)),), IMAGES), ((Pad(((1, 0), (0, 0), (2, 1))),), IMAGES), ((Pad(((1, 2), (0, 3))),), (3, 5)),
    ((Pad(((1, 2),)),), (3, 5)),
    ((Upsample(2),), IMAGES), ((Upsample((2, 3), coordinates="asymmetric", nearest_rule="floor"),), IMAGES),
    ((Upsample(size=(12, 8)),), IMAGES), ((Upsample((2, 3), mode="linear"),), IMAGES),
    ((Upsample(size=(9, 5), mode="linear"),), IMAGES), ((Upsample(size=(12, 8), mode="linear"),), IMAGES),
    ((DepthToSpace(2),), IMAGES), ((DepthToSpace(2, "CRD"),), (8, 2, 3)),
    ((SpaceToDepth(2),), IMAGES), ((SpaceToDepth(2, "CRD"),), IMAGES),
    ((Reduce("mean", (2, 3)),), IMAGES), ((Reduce("max", (3, 2), keepdims=False),), IMAGES),
    ((Rescale(0.5, -1),), IMAGES),
]  # fmt: skip


@pytest.fixture(scope="module")
def written(tmp_path_factory, keras_process):
    """[(model, samples, outputs by Keras)], which runs them all at once."""
    folder, found = tmp_path_factory.mktemp("keras"), []
    for number, (layers, x_shape) in enumerate(CASES):
        model, path = Model(Sequential((LayerNorm(), *layers)), x_shape), folder / f"{number}.weights.h5"
        write(model.to_weights(), path)
        samples = np.random.default_rng(2).uniform(-1, 1, size=(3, *x_shape)).astype(np.float32)
        np.save(f"{path}.x.npy", samples)
        found.append((model, samples, path))
    keras_process.run(RUN, json.dumps([str(path) for *_, path in found]))
    return [(model, samples, np.load(f"{path}.y.npy")) for model, samples, path in found]


@pytest.mark.parametrize("number", range(len(CASES)), ids=lambda n: f"{n}-{CASES[n][0][-1].type}")
def test_keras_gives_the_same_outputs(written, assert_close, number):
    model, samples, outputs = written[number]
    assert_close(outputs, model.outputs(samples), "float32")


@pytest.mark.parametrize(
    ("layer", "shape", "message"),
    [
        (Slice(2, 0, None, 2), IMAGES, r"layer 1 \(Slice\): Keras crops in steps of 1 alone: write --format onnx"),
        (Pad(1, "reflect"), IMAGES, r"layer 1 \(Pad\): Keras pads with zeros alone"),
        (Pad(1, value=2.0), IMAGES, r"layer 1 \(Pad\): Keras pads with zeros alone"),
        (Crop(1), (2, 3, 4, 5), r"layer 1 \(Crop\): Keras has it as a layer for images \(C, H, W\) alone"),
        (Upsample(2), (2, 3), r"layer 1 \(Upsample\): Keras has it as a layer for images \(C, H, W\) alone"),
        (Upsample(1.5), IMAGES, "copies pixels by whole factors, or resamples linearly from half pixels"),
        (Upsample(2, coordinates="asymmetric"), IMAGES, None),
        (Upsample(2, coordinates="asymmetric", nearest_rule="ceil"), IMAGES, "copies pixels by whole factors"),
        (Upsample(1.5, mode="linear"), IMAGES, "copies pixels by whole factors"),
        (Upsample(2, mode="linear", align_corners=True), IMAGES, "copies pixels by whole factors"),
        (Upsample(2, mode="cubic"), IMAGES, "copies pixels by whole factors"),
        (Reduce("max", (1,)), IMAGES, "has layers for the mean and the maximum of rows and columns alone"),
        (Reduce("l2", (2, 3)), IMAGES, "has layers for the mean and the maximum of rows and columns alone"),
    ],
)
def test_what_keras_lacks_is_one_line(tmp_path, layer, shape, message):
    weights = Model(Sequential((LayerNorm(), layer)), shape).to_weights()
    if message is None:  # the same as its neighbour, but for a rule that makes it copies
        write(weights, tmp_path / "a.weights.h5")
        return
    with pytest.raises(ExportError, match=message):
        write(weights, tmp_path / "a.weights.h5")
    assert list(tmp_path.iterdir()) == []
