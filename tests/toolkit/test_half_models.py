"""Models whose parameters are of a 16-bit type: where they compute in float32, and what files hold of them."""

import ml_dtypes
import numpy as np
import onnx
import onnxruntime
import pytest
import safetensors.numpy

from cnnkit import Model, Sequential, exporters
from cnnkit.layers import BatchNorm, Conv2D, Dense, Flatten, MaxPool2D, ReLU
from cnnkit.precision import EPSILON, HALF, round_values

NET = Sequential((Conv2D(4, 3, padding=1), BatchNorm(), ReLU(), MaxPool2D(2), Flatten(), Dense(3)))
SHAPE = (1, 8, 8)
X = np.random.default_rng(0).normal(size=(5, *SHAPE)).astype("f4")
TYPES = {"bfloat16": ml_dtypes.bfloat16, "float16": np.float16}
FILES = ("w.h5", "w.safetensors", "w.npz", "w.json", "w.txt", "w.onnx", "w.svg")


@pytest.mark.parametrize("dtype", HALF)
@pytest.mark.parametrize("backend", ["numpy", "reference"])
def test_elsewhere_rounded_weights_compute_in_float32(backend, dtype) -> None:
    whole, half = Model(NET, SHAPE, backend=backend, seed=1), Model(NET, SHAPE, backend=backend, seed=1, dtype=dtype)
    for name, values in whole.weights.items():
        stored = values if "mean" in name or "variance" in name else round_values(values, dtype)
        np.testing.assert_array_equal(half.weights[name], stored)
    rounded = Model(NET, SHAPE, backend=backend, variables=type(NET.init(np.random.default_rng(), SHAPE))(
        half.to_host(half.params), half.to_host(half.state)))  # fmt: skip
    np.testing.assert_array_equal(half.outputs(X), rounded.outputs(X))
    assert half.outputs(X).dtype == rounded.outputs(X).dtype


@pytest.mark.parametrize("dtype", HALF)
@pytest.mark.parametrize("backend", ["torch", "cupy-sim"])
def test_inference_in_half_precision_is_near_that_of_the_rounded_weights(backend, dtype) -> None:
    rounded, half = (Model(NET, SHAPE, backend=b, seed=1, dtype=dtype) for b in ("numpy", backend))
    wanted, found = rounded.outputs(X), half.outputs(X)
    assert found.dtype == np.float32
    assert 0 < np.abs(found - wanted).max() <= 8 * EPSILON[dtype] * np.abs(wanted).max()
    assert {values.dtype for values in half.weights.values()} == {np.dtype("float32")}


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("dtype", HALF)
def test_files_keep_the_bits_and_the_type(tmp_path, file, dtype) -> None:
    model, path = Model(NET, SHAPE, dtype=dtype, seed=2), tmp_path / file
    model.save(path)
    kinds = {(tensor.kind, tensor.dtype) for tensor in exporters.read(path).tensors}
    assert kinds == {("parameter", dtype), ("state", "float32")}
    loaded = Model.load(path)
    assert loaded.dtype == dtype
    for name, values in model.weights.items():
        assert loaded.weights[name].tobytes() == values.tobytes(), name
    assert Model.load(path, dtype="float32").dtype == "float32"
    again = tmp_path / f"again_{file}"
    exporters.write(exporters.read(path), tmp_path / "by.safetensors")
    exporters.write(exporters.read(tmp_path / "by.safetensors"), again)
    stored, kept = (exporters.read(p).tensors for p in (path, again))
    assert [t.sha256() for t in stored] == [t.sha256() for t in kept]


@pytest.mark.parametrize("dtype", HALF)
def test_another_library_reads_the_same_numbers(tmp_path, dtype) -> None:
    model, path = Model(NET, SHAPE, dtype=dtype, seed=2), tmp_path / "w.safetensors"
    model.save(path)
    theirs = safetensors.numpy.load_file(path)
    assert theirs["0.weight"].dtype == TYPES[dtype]
    for name, values in model.weights.items():
        np.testing.assert_array_equal(theirs[name].astype("f4"), values)


@pytest.mark.parametrize("dtype", HALF)
def test_onnx_stores_16_bits_and_computes_in_float32(tmp_path, dtype) -> None:
    model, path = Model(NET, SHAPE, dtype=dtype, seed=2), tmp_path / "w.onnx"
    model.save(path)
    graph = onnx.load(path)
    onnx.checker.check_model(graph, full_check=True)
    kinds = {i.name: onnx.TensorProto.DataType.Name(i.data_type).lower() for i in graph.graph.initializer}
    assert {kinds[name] for name in ("0.weight", "0.bias", "5.weight")} == {dtype}
    assert kinds["1.variance"] == "float"
    session = onnxruntime.InferenceSession(path)
    (found,) = session.run(None, {session.get_inputs()[0].name: X})
    np.testing.assert_allclose(found, model.outputs(X), rtol=1e-5, atol=1e-5)
