"""What we write as ONNX, onnxruntime runs to the outputs of our own model, and cnnkit reads back bit for bit."""

import json
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest
from narrow_recipes import narrow_architecture

from cnnkit import architecture, recipes
from cnnkit.errors import ExportError, WeightFileError
from cnnkit.exporters import Tensor, WeightFile, read, write
from cnnkit.exporters.onnx import writer
from cnnkit.exporters.onnx.format import OnnxFormat
from cnnkit.exporters.onnx.operators import OPERATORS
from cnnkit.layers import (
    GELU,
    LAYERS,
    AdaptiveAvgPool2D,
    AdaptiveAvgPool3D,
    AdaptiveMaxPool1D,
    AdaptiveMaxPool2D,
    AvgPool1D,
    AvgPool2D,
    AvgPool3D,
    BatchNorm,
    Branches,
    Conv1D,
    Conv2D,
    Conv3D,
    ConvTranspose1D,
    ConvTranspose2D,
    ConvTranspose3D,
    Dense,
    Dropout,
    Flatten,
    GlobalAvgPool1D,
    GlobalAvgPool2D,
    GlobalMaxPool1D,
    GlobalMaxPool2D,
    GlobalMaxPool3D,
    LayerNorm,
    LeakyReLU,
    MaxPool1D,
    MaxPool2D,
    MaxPool3D,
    Reshape,
    Residual,
    Sequential,
    Sigmoid,
    Softmax,
    Tanh,
)
from cnnkit.model import Model

RUN = """
import json, sys
import numpy as np
import onnxruntime
for path in json.loads(sys.argv[1]):
    samples = np.load(path + ".x.npy")
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    np.save(path + ".y.npy", session.run(None, {"input": samples})[0])
"""

BY_HAND = {
    "everything": (
        (2, 13, 12),
        (
            Conv2D(4, 3, padding="same", stride=2),
            LeakyReLU(0.2),
            ConvTranspose2D(6, 3, stride=2, padding=1, output_padding=1),
            LayerNorm(),
            GELU(),
            Conv2D(6, 3, groups=6, padding=(1, 0), dilation=2),
            Branches((Conv2D(3, 1), Sequential((Conv2D(3, 3, padding="same"), Tanh())))),
            AvgPool2D(3, 2, 1),
            AvgPool2D(2, 1, "same", count_padding=False),
            MaxPool2D(3, 2, "same"),
            GELU("tanh"),
            Branches((Conv2D(2, 1), Conv2D(2, 1, bias=False)), join="add"),
            Residual(Conv2D(2, 3, padding=1), BatchNorm()),
            Softmax(),
            Dropout(0.3),
            Flatten(),
            BatchNorm(),
            Dense(12),
            Reshape((3, 2, 2)),
            GlobalAvgPool2D(),
            Dense(3, bias=False),
            Sigmoid(),
        ),
    ),
    "signals": (
        (3, 17),
        (
            *(Conv1D(4, 3, padding="same_lower"), Conv1D(4, 3, stride=2, padding=((2, 1),), groups=4, dilation=2)),
            *(ConvTranspose1D(6, 2, stride=3, padding=((1, 0),), output_padding=2, groups=2), Tanh()),
            *(MaxPool1D(3, 2, 1, dilation=2, ceil_mode=True), AvgPool1D(3, 2, 1, ceil_mode=True)),
            *(AdaptiveMaxPool1D(1), GlobalMaxPool1D(keepdims=True), Flatten(), Dense(4)),
        ),
    ),
    "pools": (
        (2, 11, 14),
        (
            Branches(
                tuple(
                    Sequential((pool, GlobalAvgPool2D(), Dense(4)))
                    for pool in (
                        *(
                            MaxPool2D(2, ceil_mode=True),
                            MaxPool2D(3, 2, 1, ceil_mode=True),
                            MaxPool2D(2, 5, 1, dilation=2),
                        ),
                        *(MaxPool2D((2, 3), 4, ((1, 0), (2, 1)), ceil_mode=True), AvgPool2D(3, 2, ceil_mode=True)),
                        *(AvgPool2D(3, 4, 1, ceil_mode=True), AvgPool2D(2, 4, 1, count_padding=False, ceil_mode=True)),
                        *(AvgPool2D(3, 2, "same_lower"), AvgPool2D((2, 4), 3, ((1, 0), (3, 2)), ceil_mode=True)),
                        *(AdaptiveAvgPool2D((11, 7)), AdaptiveMaxPool2D((1, 2)), GlobalMaxPool2D(keepdims=True)),
                    )
                )
            ),
        ),
    ),
    "volumes": (
        (2, 6, 7, 8),
        (
            *(Conv3D(4, (1, 2, 3), padding="same"), GELU(), Conv3D(4, 2, padding=((0, 1), (1, 1), (2, 0)), groups=2)),
            *(MaxPool3D(2, ceil_mode=True), ConvTranspose3D(3, 2, stride=(1, 2, 3), output_padding=(0, 1, 2))),
            *(AvgPool3D((1, 2, 2), padding=(0, 1, 1), ceil_mode=True), AdaptiveAvgPool3D(1), GlobalMaxPool3D()),
        ),
    ),
    "nothing-but-dropout": ((3,), (Dropout(0.5),)),
    "row-norm": ((5,), (LayerNorm(), Residual(Dense(5)))),
}

IN_FLOAT64 = {
    "float64-images": (
        (2, 9, 8),
        (
            Conv2D(4, 3, padding="same"),
            BatchNorm(),
            MaxPool2D(2, padding="same"),
            ConvTranspose2D(4, 3, stride=2),
            GELU(),
            Residual(Conv2D(4, 3, padding=1, groups=2)),
            AvgPool2D(2, 1, "same", count_padding=False),
            Branches((Conv2D(2, 1), Dropout(0.3))),
            GlobalAvgPool2D(),
            Dense(5),
        ),
    ),
    "float64-signals": (
        (2, 12),
        (Conv1D(4, 3), AvgPool1D(3, 2, 1, ceil_mode=True), GlobalMaxPool1D(keepdims=True), GlobalAvgPool1D()),
    ),
    "float64-rows": ((6,), (Dense(12), GELU("tanh"), Reshape((3, 2, 2)), GlobalAvgPool2D(), BatchNorm(), Sigmoid())),
}


def perturbed(model):
    """Return the model with every parameter and statistic moved, so that none is at its neutral initial value."""
    rng = np.random.default_rng(1)
    file = model.to_weights()

    def moved(tensor):
        return (tensor.read() + 0.05 * rng.normal(size=tensor.shape)).astype(tensor.dtype)

    tensors = tuple(
        Tensor.of(t.name, moved(t), layer=t.layer, kind=t.kind, role=t.role, axes=t.axes) for t in file.tensors
    )
    return Model.from_weights(replace(file, tensors=tensors))


def models():
    for name in recipes.names():
        network, shape = architecture.build(narrow_architecture(name))
        yield name, perturbed(Model(network, shape, metadata={"recipe": name}))
    for name, (shape, layers) in BY_HAND.items():
        yield name, perturbed(Model(Sequential(layers), shape))
    for name, (shape, layers) in IN_FLOAT64.items():
        yield name, perturbed(Model(Sequential(layers), shape, dtype="float64"))


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """{name: (model, path, samples, outputs by onnxruntime)}: one process runs them all."""
    folder, found = tmp_path_factory.mktemp("onnx"), {}
    for name, model in models():
        path = folder / f"{name}.onnx"
        write(model.to_weights(), path)
        samples = np.random.default_rng(2).uniform(size=(3, *model.input_shape)).astype(model.dtype)
        np.save(f"{path}.x.npy", samples)
        found[name] = (model, path, samples)
    paths = json.dumps([str(path) for _, path, _ in found.values()])
    result = subprocess.run([sys.executable, "-c", RUN, paths], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return {name: (*entry, np.load(f"{entry[1]}.y.npy")) for name, entry in found.items()}


@pytest.mark.parametrize("name", [*recipes.names(), *BY_HAND, *IN_FLOAT64])
def test_onnxruntime_gives_the_same_outputs(written, assert_close, name):
    model, _, samples, outputs = written[name]
    assert_close(outputs, model.outputs(samples), "float32")
    assert np.ptp(outputs) > 1e-4  # not a net that says the same to everything


@pytest.mark.parametrize("name", list(IN_FLOAT64))
def test_float64_is_kept_where_runtimes_compute_in_it(written, name):
    model, _, samples, outputs = written[name]
    assert outputs.dtype == "float64"
    rounded = OnnxFormat().losses(model.to_weights())
    error = np.max(np.abs(outputs - model.outputs(samples)))
    assert error < (1e-6 if rounded else 1e-12)


def test_layers_that_runtimes_compute_in_float32_are_said(written):
    model = written["float64-images"][0]
    assert OnnxFormat().losses(model.to_weights()) == (
        "float64 arithmetic in 3 Conv2D, 1 ConvTranspose2D, 1 GELU, 1 AvgPool2D: "
        "runtimes have none, so these compute in float32 (the weights stay float64)",
    )
    assert OnnxFormat().losses(written["float64-rows"][0].to_weights()) == ()
    assert OnnxFormat().losses(written["everything"][0].to_weights()) == ()


@pytest.mark.parametrize("name", [*recipes.names(), *BY_HAND, *IN_FLOAT64])
def test_the_file_reads_back_as_the_same_model(written, contents, name):
    model, path, samples, _ = written[name]
    file = model.to_weights()
    back = read(path)
    assert contents(back) == contents(file)
    np.testing.assert_array_equal(Model.load(path).outputs(samples), model.outputs(samples))


def test_constants_of_operations_are_no_weights(written):
    assert [(item.what, item.count) for item in read(written["everything"][1]).not_read] == [
        ("constants of operations", 6)
    ]


def small(*layers, shape=(1, 4, 4)):
    return Model(Sequential(layers), shape).to_weights()


def test_the_same_weights_give_the_same_bytes(tmp_path):
    file = small(Conv2D(2, 3), Flatten(), Dense(2))
    write(file, tmp_path / "a.onnx")
    time.sleep(0.01)
    write(read(tmp_path / "a.onnx"), tmp_path / "b.onnx")
    assert (tmp_path / "a.onnx").read_bytes() == (tmp_path / "b.onnx").read_bytes()


def test_what_only_training_needs_is_left_with_a_line(tmp_path):
    file = small(Dense(2), shape=(3,))
    slot = Tensor.of("0.weight", np.zeros((2, 3), np.float32), kind="optimizer", role="slot")
    full = replace(file, tensors=(*file.tensors, slot), position={"epoch": 3})
    assert OnnxFormat().losses(file) == ()
    assert OnnxFormat().losses(full) == (
        "1 tensors that are neither parameters nor state",
        "the position of the training",
    )
    write(full, tmp_path / "a.onnx")
    assert [tensor.kind for tensor in read(tmp_path / "a.onnx")] == ["parameter", "parameter"]


def renamed(file):
    first = file.tensors[0]
    return replace(file, tensors=(*file.tensors, replace(first, name="9.weight")))


def in_float64_too(file):
    return replace(file, tensors=(*file.tensors[1:], Tensor.of("0.weight", np.zeros((2, 3), np.float64))))


def turned(file):
    return replace(file, tensors=(*file.tensors[1:], Tensor.of("0.weight", np.zeros((3, 2), np.float32))))


def with_layer(**fields):
    return lambda file: replace(file, architecture=file.architecture | {"layers": [fields]})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda file: replace(file, architecture=None), "these weights come without an architecture"),
        (lambda file: replace(file, architecture={"layers": []}), r"expected a list of layers, got \[\]"),
        (lambda file: replace(file, tensors=file.tensors[:1]), r"layer 0: expected a tensor 0\.bias"),
        (lambda file: replace(file, metadata={"x": {1, 2}}), "metadata is not JSON"),
        (lambda file: replace(file, metadata={"x": float("nan")}), "metadata is not JSON"),
        (renamed, r"tensor 9\.weight belongs to no layer"),
        (in_float64_too, "expected weights of one of float16, float32, float64, got float32, float64"),
        (turned, r"tensor 0\.weight: expected shape \(2, 3\), got \(3, 2\)"),
        (with_layer(type="Fourier", path="0", output_shape=[2]), r"layer 0 \(Fourier\): not known as ONNX"),
        (with_layer(type="Dense", path="0", output_shape=[2]), r"layer 0 \(Dense\): its description lacks something"),
    ],
)
def test_what_cannot_be_written_is_one_line(tmp_path, change, message):
    with pytest.raises(ExportError, match=message):
        write(change(small(Dense(2), shape=(3,))), tmp_path / "a.onnx")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (AvgPool2D(2, dilation=2), r"layer 0 \(AvgPool2D\): ONNX has no dilation there before operator set 19"),
        (AdaptiveMaxPool2D(3), r"layer 0 \(AdaptiveMaxPool2D\): ONNX has pooling only where the output's size \(3, 3\) "
            r"divides the input's \(4, 4\)"),
    ],
)  # fmt: skip
def test_pools_that_onnx_does_not_have(tmp_path, layer, message):
    with pytest.raises(ExportError, match=message):
        write(small(layer, Flatten(), Dense(2)), tmp_path / "a.onnx")
    assert list(tmp_path.iterdir()) == []


def test_more_than_the_format_holds(tmp_path, monkeypatch):
    monkeypatch.setattr(writer, "_LIMIT", 100)
    with pytest.raises(ExportError, match="ONNX holds 2 GiB in one file"):
        write(small(Dense(2), shape=(3,)), tmp_path / "a.onnx")


def test_a_property_that_does_not_fit_its_file_is_one_line(tmp_path):
    write(small(Dense(2), shape=(3,)), tmp_path / "a.onnx")
    data = (tmp_path / "a.onnx").read_bytes()
    for old, new in (
        (b'["0.bias"', b'["0.bios"'),
        (b'"bias", ["out"]', b'"bios", ["out"]'),
        (b'"version"', b'"versio\1"'),
    ):
        (tmp_path / "b.onnx").write_bytes(data.replace(old, new))
        with pytest.raises(WeightFileError, match="metadata property cnnkit does not fit"):
            read(tmp_path / "b.onnx")


def test_a_wrong_value_would_be_found(tmp_path, monkeypatch):
    file = small(Dense(2), shape=(3,))
    wrong = WeightFile((Tensor.of("0.weight", np.ones((2, 3), np.float32)), *file.tensors[1:]), file.architecture)
    real = writer.write_onnx
    monkeypatch.setattr("cnnkit.exporters.onnx.format.write_onnx", lambda _, path: real(wrong, path))
    with pytest.raises(ExportError, match=r"parameter 0\.weight: what was written reads back differently"):
        write(file, tmp_path / "a.onnx")


def test_no_layer_is_left_out():
    assert set(LAYERS) <= set(OPERATORS)
