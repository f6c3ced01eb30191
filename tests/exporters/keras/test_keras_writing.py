"""What we write as Keras weights, the real Keras loads, and its Sequential gives the outputs of our own model."""

import json
import time
from dataclasses import replace

import h5py
import numpy as np
import pytest

from cnnkit import architecture, recipes
from cnnkit.errors import ExportError
from cnnkit.exporters import Tensor, read, write
from cnnkit.exporters.keras import format as keras_format
from cnnkit.exporters.keras.format import KerasFormat
from cnnkit.exporters.keras.layer_conversion import CONVERTED
from cnnkit.layers import (
    GELU,
    LAYERS,
    AdaptiveAvgPool2D,
    AdaptiveAvgPool3D,
    AdaptiveMaxPool1D,
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
    GlobalAvgPool2D,
    GlobalAvgPool3D,
    GlobalMaxPool1D,
    GlobalMaxPool2D,
    GlobalMaxPool3D,
    LayerNorm,
    LeakyReLU,
    MaxPool1D,
    MaxPool2D,
    MaxPool3D,
    ReLU,
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
import h5py, keras
import numpy as np
for path in json.loads(sys.argv[1]):
    about = h5py.File(path).attrs
    if "sequential_config" in about:
        model = keras.Sequential.from_config(json.loads(about["sequential_config"]))
    else:
        model = keras.Model.from_config(json.loads(about["functional_config"]))
    model.load_weights(path)
    x = np.load(path + ".x.npy")
    last, first = (lambda a: np.moveaxis(a, 1, -1)), (lambda a: np.moveaxis(a, -1, 1))
    y = keras.ops.convert_to_numpy(model(last(x), training=False))
    np.save(path + ".y.npy", first(y))
    if "-" not in path.rpartition("/")[2]:  # enough of them
        model.save(path + ".keras")
        model.save(path + ".legacy.h5")
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
            Conv2D(12, 3, groups=6, padding=(1, 0), dilation=2),
            Conv2D(4, 3, groups=2, bias=False),
            BatchNorm(),
            AvgPool2D(3, 2, 1),
            AvgPool2D(2, 1, "same", count_padding=False),
            MaxPool2D(3, 2, "same"),
            Sequential((Conv2D(3, 1),)),
            Softmax(),
            Dropout(0.3),
            Flatten(),
            ReLU(),
            BatchNorm(),
            LayerNorm(),
            Dense(12),
            Reshape((3, 2, 2)),
            Tanh(),
            Reshape((2, 2, 3)),
            Conv2D(5, 1),
            Flatten(),
            Reshape((5, 3, 2)),
            ConvTranspose2D(2, (1, 2), stride=(2, 3)),
            Sigmoid(),
            Flatten(),
        ),
    ),
    "resnet": (
        (1, 9, 9),
        (
            *(Conv2D(4, 3, padding="same", bias=False), BatchNorm(epsilon=1e-3), ReLU()),
            *(Conv2D(6, 3, padding="same", stride=2, bias=False), BatchNorm(), ReLU()),
            *(GlobalAvgPool2D(), Dense(3)),
        ),
    ),
    "combinators": (
        (2, 6, 5),
        (
            Residual(Conv2D(2, 3, padding="same"), BatchNorm()),
            Branches((Conv2D(3, 1), Sequential((Conv2D(2, 3, padding="same"), Tanh())))),
            Residual(Sequential((ReLU(), Residual(Conv2D(5, 1))))),
            Branches((Flatten(), Sequential((Flatten(), ReLU()))), join="add"),
            Dense(4),
            Residual(Dense(4)),
            Reshape((2, 2, 1)),
            Branches((Flatten(), Sequential((Flatten(), Dense(3))))),
            Dense(3),
        ),
    ),
    "signals": (
        (3, 17),
        (
            *(Conv1D(4, 3, padding="same"), LeakyReLU(0.2), Conv1D(4, 3, stride=2, padding=((2, 1),), groups=4)),
            *(LayerNorm(), Conv1D(6, 2, dilation=2, padding=1, groups=2, bias=False), MaxPool1D(2, padding="same")),
            *(ConvTranspose1D(3, 3, stride=2, padding=((1, 0),)), AvgPool1D(3, 2, ((0, 1),)), Sigmoid()),
            *(AvgPool1D(2, 1, "same", count_padding=False), MaxPool1D(2, ceil_mode=True)),
            *(AdaptiveMaxPool1D(1), Flatten(), Dense(12), Reshape((3, 4)), Softmax(), GlobalMaxPool1D()),
        ),
    ),
    "volumes": (
        (2, 6, 7, 8),
        (
            *(Conv3D(4, (1, 2, 3), padding="same"), GELU(), Conv3D(4, 2, padding=((0, 1), (1, 1), (2, 0)), groups=2)),
            *(MaxPool3D(2), LayerNorm(), ConvTranspose3D(3, 2, stride=(1, 2, 3), padding=(1, 0, 1)), Tanh()),
            *(
                AvgPool3D((1, 2, 1), padding=(0, 1, 0)),
                Conv3D(5, 1),
                AdaptiveAvgPool3D((1, 5, 3)),
                Flatten(),
                Dense(12),
            ),
            *(Reshape((2, 2, 1, 3)), GlobalMaxPool3D(keepdims=True), GlobalAvgPool3D()),
        ),
    ),
    "global": ((2, 4, 6), (AdaptiveAvgPool2D((2, 3)), GlobalMaxPool2D(keepdims=True), Conv2D(3, 1))),
    "image": ((2, 4, 4), (Conv2D(4, (2, 4), groups=2), Reshape((4, 3)), Softmax(), Reshape((3, 2, 2)))),
}


def perturbed(model):
    """Return the model with every parameter and statistic moved, so that none is at its neutral initial value."""
    rng = np.random.default_rng(1)
    file = model.to_weights()
    tensors = tuple(
        Tensor.of(
            *(t.name, np.float32(t.read() + 0.05 * rng.normal(size=t.shape))),
            **{"layer": t.layer, "kind": t.kind, "role": t.role, "axes": t.axes},
        )
        for t in file.tensors
    )
    return Model.from_weights(replace(file, tensors=tensors))


BEYOND_KERAS = {
    "digit-sum": r"layer 8 \(Reduce\): Keras has layers for the mean and the maximum",
    "segment-digits": r"layer up0 \(ConvTranspose2D\): Keras makes 1 pixels less than output_padding=1",
}
RECIPES = [name for name in recipes.with_data() if name not in BEYOND_KERAS]


def models():
    for name in RECIPES:
        network, shape = architecture.build(recipes.get(name).architecture)
        yield name, perturbed(Model(network, shape))
    for name, (shape, layers) in BY_HAND.items():
        yield name, perturbed(Model(Sequential(layers), shape))


@pytest.fixture(scope="module")
def written(tmp_path_factory, keras_process):
    """{name: (model, path, samples, outputs by Keras)}, which runs them all at once."""
    folder, found = tmp_path_factory.mktemp("keras"), {}
    for name, model in models():
        path = folder / f"{name}.weights.h5"
        write(model.to_weights(), path)
        samples = np.random.default_rng(2).uniform(size=(3, *model.input_shape)).astype(np.float32)
        np.save(f"{path}.x.npy", samples)
        found[name] = (model, path, samples)
    paths = json.dumps([str(path) for _, path, _ in found.values()])
    keras_process.run(RUN, paths)
    return {name: (*entry, np.load(f"{entry[1]}.y.npy")) for name, entry in found.items()}


@pytest.mark.parametrize("name", [*RECIPES, *BY_HAND])
def test_keras_gives_the_same_outputs(written, assert_close, name):
    model, _, samples, outputs = written[name]
    assert_close(outputs, model.outputs(samples), "float32")
    assert np.ptp(outputs) > 1e-4  # not a net that says the same to everything


@pytest.mark.parametrize("suffix", [".keras", ".legacy.h5"])
@pytest.mark.parametrize("name", ["lenet5", *BY_HAND])
def test_what_keras_saves_of_it_reads_as_what_we_wrote(written, name, suffix):
    path = written[name][1]
    ours, theirs = read(path), read(f"{path}{suffix}")
    assert theirs.format == "keras"
    assert {t.name: t.sha256() for t in theirs} == {t.name: t.sha256() for t in ours}
    ordered = [(t.name, t.kind, t.role, t.axes) for t in ours]
    assert sorted((t.name, t.kind, t.role, t.axes) for t in theirs) == sorted(ordered)


@pytest.mark.parametrize(("name", "message"), BEYOND_KERAS.items())
def test_recipes_that_keras_has_no_layers_for(tmp_path, name, message):
    with pytest.raises(ExportError, match=message):
        write(Model(*recipes.get(name).network()).to_weights(), tmp_path / "a.weights.h5")


def file_of(*layers, shape=(2, 5, 6)):
    return Model(Sequential(layers), shape).to_weights()


def test_layouts_are_turned(tmp_path):
    file = file_of(Conv2D(4, 3), Conv2D(8, 3, groups=4), Flatten(), Dense(3))
    write(file, tmp_path / "a.weights.h5")
    arrays = file.arrays("parameter")
    with h5py.File(tmp_path / "a.weights.h5") as saved:
        np.testing.assert_array_equal(saved["layers/conv2d/vars/0"], arrays["0.weight"].transpose(2, 3, 1, 0))
        depthwise = arrays["1.weight"].reshape(4, 2, 3, 3)
        np.testing.assert_array_equal(saved["layers/depthwise_conv2d/vars/0"], depthwise.transpose(2, 3, 0, 1))
        rows = arrays["3.weight"].T.reshape(8, 1, 2, 3).transpose(1, 2, 0, 3).reshape(16, 3)
        np.testing.assert_array_equal(saved["layers/dense/vars/0"], rows)
        assert saved["layers/dense/vars"].attrs["name"] == "dense_3"
    assert read(tmp_path / "a.weights.h5")["depthwise_conv2d_1.kernel"].axes == ("kh", "kw", "i", "m")


def test_the_same_weights_give_the_same_bytes(tmp_path):
    file = file_of(Conv2D(2, 3), Flatten(), Dense(2))
    write(file, tmp_path / "a.weights.h5")
    time.sleep(1.1)  # HDF5 keeps times in whole seconds
    write(file, tmp_path / "b.weights.h5")
    assert (tmp_path / "a.weights.h5").read_bytes() == (tmp_path / "b.weights.h5").read_bytes()


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (GELU("tanh"), "Keras's activation 'gelu' is the one by erf"),
        (Conv2D(2, 2, stride=2, dilation=2), "Keras has no stride together with dilation"),
        (ConvTranspose2D(2, 2, groups=2), "Keras has no groups there"),
        (ConvTranspose2D(2, 3, stride=2, output_padding=1), "Keras makes 1 pixels less than output_padding=1"),
        (MaxPool2D(3, 2, 1), "Keras pools with padding 'same' or none"),
        (AvgPool2D(3, 2, 1, count_padding=False), "Keras pools with padding 'same' or none"),
        (MaxPool2D(2, dilation=2), "Keras pools without dilation"),
        (AvgPool2D(4, ceil_mode=True), "Keras cannot pool an overhang of ceil_mode: write --format onnx"),
        (AdaptiveAvgPool2D(4), "Keras pools only where the output's size divides the input's"),
    ],
)
def test_what_a_sequential_cannot_express_is_one_line(tmp_path, layer, message):
    with pytest.raises(ExportError, match=message):
        write(file_of(layer, shape=(2, 6, 6)), tmp_path / "a.weights.h5")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda file: replace(file, architecture=None), "these weights come without an architecture"),
        (lambda file: replace(file, tensors=file.tensors[:1]), r"layer 0: expected a tensor 0\.bias"),
        (lambda file: replace(file, tensors=(file.tensors[1],)), r"layer 0: expected a tensor 0\.weight"),
        (
            lambda file: replace(file, tensors=(*file.tensors, replace(file.tensors[0], name="9.weight"))),
            r"tensor 9\.weight belongs to no layer",
        ),
        (
            lambda file: replace(file, tensors=(Tensor.of("0.weight", np.zeros((3, 2), np.float32)), file.tensors[1])),
            r"tensor 0\.weight: expected shape \(2, 3\), got \(3, 2\)",
        ),
        (
            lambda file: replace(file, tensors=(Tensor.of("0.weight", np.zeros((2, 3), np.int32)), file.tensors[1])),
            "expected weights of one of float16, float32, float64, got float32, int32",
        ),
        (
            lambda file: replace(file, architecture={"input_shape": [3], "layers": [{"type": "Dense", "path": "0"}]}),
            r"layer 0 \(Dense\): its description lacks something",
        ),
    ],
)
def test_weights_that_do_not_fit_their_architecture(tmp_path, change, message):
    with pytest.raises(ExportError, match=message):
        write(change(file_of(Dense(2), shape=(3,))), tmp_path / "a.weights.h5")
    assert list(tmp_path.iterdir()) == []


def test_what_is_left_behind_has_a_line():
    file = replace(file_of(Dense(2), shape=(3,)), metadata={})
    slot = Tensor.of("0.weight", np.zeros((2, 3), np.float32), kind="optimizer", role="slot")
    architecture = "the architecture as cnnkit reads it (Keras's configuration of it is kept)"
    assert KerasFormat().losses(file) == (architecture,)
    full = replace(file, tensors=(*file.tensors, slot), position={"epoch": 3}, metadata={"seed": 1})
    assert KerasFormat().losses(full) == (
        "1 tensors that are neither parameters nor state",
        architecture,
        "the metadata",
        "the position of the training",
    )


@pytest.mark.parametrize("wrong", [Dense(2), Sequential((Dense(2, bias=False),)), Sequential((Dense(2), Dense(2)))])
def test_a_wrong_value_would_be_found(tmp_path, monkeypatch, wrong):
    file, other = file_of(Dense(2), shape=(3,)), perturbed(Model(wrong, (3,))).to_weights()
    real = keras_format.write_keras
    monkeypatch.setattr(keras_format, "write_keras", lambda _, path: real(other, path))
    with pytest.raises(ExportError, match="nothing was saved"):
        write(file, tmp_path / "a.weights.h5")


@pytest.mark.parametrize(("depth", "superblock"), [(1, 0), (500, 3)])
def test_the_oldest_form_that_holds_the_configuration_is_written(tmp_path, depth, superblock):
    """Netron and others read the first form of HDF5 alone; a long attribute needs a later one."""
    weights = Model(Sequential(tuple(Dense(2) for _ in range(depth))), (2,)).to_weights()
    path = tmp_path / "net.weights.h5"
    write(weights, path, "keras")
    assert path.read_bytes()[8] == superblock
    with h5py.File(path) as file:
        assert len(json.loads(file.attrs["sequential_config"])["layers"]) == depth + 1


def test_a_layer_that_keras_lacks_is_one_line(tmp_path):
    file = file_of(Dense(2), shape=(3,))
    for kind in ("Fourier", *sorted(set(LAYERS) - CONVERTED)):
        layer = {"type": kind, "path": "0", "output_shape": [2]}
        line = rf"layer 0 \({kind}\): cnnkit does not convert it to Keras: write --format onnx"
        with pytest.raises(ExportError, match=line):
            write(replace(file, architecture=file.architecture | {"layers": [layer]}), tmp_path / "a.weights.h5")
