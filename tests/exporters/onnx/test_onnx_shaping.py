"""Each layer that moves, pads, resamples or reduces: what onnxruntime makes of the file is what the layer makes."""

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from cnnkit.exporters import Tensor, write
from cnnkit.exporters.onnx.format import OnnxFormat
from cnnkit.layers import Crop, Pad, Reduce, Scale, Sequential, Slice, Upsample
from cnnkit.layers.shaping import SHAPING
from cnnkit.model import Model
from cnnkit.parity.layers import LAYERS

RUN = """
import json, sys
import numpy as np
import onnxruntime
for path in json.loads(sys.argv[1]):
    samples = np.load(path + ".x.npy")
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    np.save(path + ".y.npy", session.run(None, {"input": samples})[0])
"""
IMAGES = (3, 6, 5)
MORE = [
    *((Upsample(scale, mode=mode, align_corners=align), IMAGES)
      for scale in (2, (0.5, 1.7)) for mode in ("linear", "cubic") for align in (True, False)),
    *((Upsample(size=size, mode=mode, coordinates=coordinates), IMAGES)
      for size in ((9, 3), (1, 7)) for mode in ("nearest", "linear", "cubic")
      for coordinates in ("pytorch_half_pixel", "asymmetric", "half_pixel_symmetric")),
    (Upsample((3, 2)), IMAGES),
    (Upsample(1.7, coordinates="asymmetric", nearest_rule="ceil"), IMAGES),
    (Upsample(2, coordinates="tf_half_pixel_for_nn", nearest_rule="floor"), IMAGES),
    (Upsample(1.7, (9, 9), mode="linear"), IMAGES),
    (Upsample(3, mode="linear", exclude_outside=True), IMAGES),
    (Upsample(3, mode="cubic", cubic_a=-0.5, exclude_outside=True), IMAGES),
    (Upsample(2, mode="linear"), (2, 5)), (Upsample(2), (2, 5)), (Upsample(size=7, mode="cubic"), (2, 5)),
    (Upsample(2), (2, 3, 2, 3)), (Upsample(size=(4, 5, 2), mode="cubic"), (2, 3, 2, 3)),
    (Upsample(size=(4, 5, 2), mode="linear", align_corners=True), (2, 3, 2, 3)),
    (Slice(3, -1, None, -1), IMAGES), (Slice(3, 4, 1, -2), IMAGES), (Crop(0), IMAGES), (Pad(0), IMAGES),
    (Pad(((1, 0), (0, 2)), "edge"), (2, 4, 4)),
    (Scale((1, 3)), IMAGES), (Scale((), shift=False), IMAGES), (Reduce("sum", (3, 1), keepdims=False), IMAGES),
]  # fmt: skip
CASES = [case for layer in SHAPING for case in LAYERS[layer.__name__]] + MORE
NAMES = [f"{layer.type}-{number}" for number, (layer, _) in enumerate(CASES)]


def make_model(layer, x_shape, dtype):
    """Return a model of the layer and of a weight that says which dtype the file has, none at its initial value."""
    file = Model(Sequential((Scale((), shift=False), layer)), x_shape, dtype=dtype).to_weights()
    rng = np.random.default_rng(1)
    moved = [(t, (t.read() + 0.1 * rng.normal(size=t.shape)).astype(dtype)) for t in file.tensors]
    tensors = tuple(Tensor.of(t.name, v, layer=t.layer, kind=t.kind, role=t.role, axes=t.axes) for t, v in moved)
    return Model.from_weights(replace(file, tensors=tensors))


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """{(name, dtype): (model, samples, outputs by onnxruntime)}: one process runs them all."""
    folder, found = tmp_path_factory.mktemp("onnx"), {}
    for name, (layer, x_shape) in zip(NAMES, CASES, strict=True):
        for dtype in ("float32", "float64"):
            model, path = make_model(layer, x_shape, dtype), f"{folder / name}-{dtype}.onnx"
            write(model.to_weights(), path)
            samples = np.random.default_rng(2).uniform(-1, 1, size=(3, *x_shape)).astype(dtype)
            np.save(f"{path}.x.npy", samples)
            found[name, dtype] = (model, samples, path)
    paths = json.dumps([path for *_, path in found.values()])
    result = subprocess.run([sys.executable, "-c", RUN, paths], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return {key: (model, samples, np.load(f"{path}.y.npy")) for key, (model, samples, path) in found.items()}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_onnxruntime_gives_the_same_outputs(written, name, dtype):
    model, samples, outputs = written[name, dtype]
    wanted = model.outputs(samples)
    assert outputs.dtype == wanted.dtype == dtype
    assert outputs.shape == wanted.shape
    np.testing.assert_allclose(outputs, wanted, rtol=0, atol=5e-6 if dtype == "float32" else 1e-12)
    assert np.ptp(outputs) > 1e-6
    assert OnnxFormat().losses(model.to_weights()) == ()  # nothing is rounded
