"""Keras files that cannot be adopted are refused in one line, before anything large is made."""

import json
import time
import zipfile

import h5py
import numpy as np
import pytest
from handmade.keras_h5 import chain, layer, model, write

from cnnkit.adopting.keras import adopt_keras
from cnnkit.errors import WeightFileError

ROW = {"batch_input_shape": [None, 4]}
IMAGE = {"batch_input_shape": [None, 6, 6, 2]}
CONV = {"filters": 3, "kernel_size": [3, 3], "padding": "valid", "data_format": "channels_last"}
X = layer("InputLayer", "x", [], **ROW)


def ones(*shape):
    return np.ones(shape, np.float32)


def dense(units=2, **fields):
    return layer("Dense", "d", units=units, use_bias=False, **ROW, **fields)


LAMBDA = layer("Lambda", "trick", function=["4wEAAAA=", None, None], **ROW)
REFUSED = {
    "lambda": (chain(LAMBDA), r"layer trick \(Lambda\): holds Python code, which is never run"),
    "custom": (chain(layer("Pkg>Swirl", "s", **ROW)), r"layer s \(Pkg>Swirl\): cnnkit has no such layer, and code"),
    "recurrent": (chain(layer("LSTM", "l", units=3, **IMAGE)), r"layer l \(LSTM\): recurrent layers are not supported"),
    "embedding": (chain(layer("Embedding", "e", **ROW)), r"layer e \(Embedding\): embeddings of words"),
    "attention": (chain(layer("MultiHeadAttention", "a", **ROW)), r"attention is not supported"),
    "masking": (chain(layer("Masking", "m", **ROW)), r"masks of sequences are not supported"),
    "activation": (chain(layer("Activation", "a", activation="my_own", **ROW)), r"activation my_own is none that"),
    "function": (
        model([X, layer("TFOpLambda", "f", [["x", 0, 0, {}]], function="linalg.inv")], ["x"], ["f"]),
        r"layer f \(TFOpLambda\): linalg.inv is an operation that cnnkit has no layer for",
    ),
    "merge function": (
        model([X, layer("Merge", "m", [[["x", 0, 0], ["x", 0, 0]]], mode=["code"])], ["x"], ["m"]),
        r"layer m \(Merge\): mode: only sum, mul, ave, max and concat",
    ),
    "subclass": ({"class_name": "MyModel", "config": {}}, r"its model is of the class 'MyModel', whose code"),
    "statistics": (
        chain(layer("BatchNormalization", "b", renorm=True, **ROW)),
        r"statistics of a batch while it infers",
    ),
}
WRONG = {
    "no layers": (chain(), r"expected a list of layers, got \[\]"),
    "layer": (chain(7), r"expected a layer with a class_name, got 7"),
    "no shape": (chain(layer("Dense", "d", units=2)), r"input input: the file does not tell its shape: name its shape"),
    "shape": (chain(layer("Flatten", "f", batch_input_shape=[None, -3, "a"])), r"expected a shape, got \[None, -3"),
    "units": (chain(dense("many")), r"layer d \(Dense\): units: expected a whole number >= 1, got 'many'"),
    "huge units": (chain(dense(10**12)), r"units: expected a whole number >= 1, got 1000000000000"),
    "no weights": (chain(dense(3)), r"layer d \(Dense\): expected 1 weights \(kernel \(4, 3\)\), the file has 0"),
    "huge weights": (chain(dense(2**31 - 1)), r"expected 1 weights \(kernel \(4, 2147483647\)\), the file has 0"),
    "rank": (chain(layer("Conv2D", "c", **CONV, **ROW)), r"expected an input with 4 axes, got one of shape \(N, 4\)"),
    "window": (
        chain(layer("MaxPooling2D", "p", pool_size=[9, 9], **IMAGE)),
        r"layer p: MaxPool2D: expected ",
    ),
    "strides": (chain(layer("MaxPooling2D", "p", strides=[1, 2, 3], **IMAGE)), r"strides: expected 2 numbers"),
    "padding": (chain(layer("MaxPooling2D", "p", padding="some", **IMAGE)), r"padding: expected valid or same"),
    "reshape": (chain(layer("Reshape", "r", target_shape=[3, 3], **ROW)), r"cannot reshape \(4,\) into \[3, 3\]"),
    "open reshape": (chain(layer("Reshape", "r", target_shape=[-1, -1], **ROW)), r"cannot reshape"),
    "permute": (chain(layer("Permute", "p", dims=[1, 1, 3], **IMAGE)), r"dims: expected the axes 1 to 3"),
    "large": (
        chain(layer("ZeroPadding2D", "a", padding=[10**9, 10**9], **IMAGE)),
        r"layer a: gives \(2, 2000000006, 2000000006\), which is too large",
    ),
    "axis": (chain(layer("Softmax", "s", axis=5, **ROW)), r"axis: expected an axis from 1 to 1, got 5"),
    "infinite": (chain(layer("LeakyReLU", "r", alpha=10**400, **ROW)), r"negative_slope: expected a finite number"),
    "circle": (
        model([X, layer("Add", "a", [[["x", 0, 0], ["b", 0, 0]]]), layer("ReLU", "b", [[["a", 0, 0]]])], ["x"], ["b"]),
        r"layer a needs its own output: the model goes in a circle",
    ),
    "itself": (model([X, layer("Add", "a", [[["x", 0, 0], ["a", 0, 0]]])], ["x"], ["a"]), r"layer a needs its own"),
    "unknown": (
        model([X, layer("ReLU", "a", [[["nobody", 0, 0]]])], ["x"], ["a"]),
        r"call 0 of layer nobody is used, but the model has no such call",
    ),
    "output": (model([X, layer("ReLU", "a", [[["x", 0, 3]]])], ["x"], ["a"]), r"layer x has no output 3"),
    "twice": (model([X, X], ["x"], ["x"]), r"two layers are called x"),
    "nothing": (model([X], ["x"], ["x"]), r"a model without layers that do anything"),
    "no inputs": (model([X], [], ["x"]), r"a model without input_layers or output_layers"),
    "inbound": (model([X, layer("ReLU", "a", 3)], ["x"], ["a"]), r"inbound_nodes: expected a list, got 3"),
    "ranks": (
        model(
            [X, layer("Flatten", "i", [], **IMAGE), layer("Concatenate", "c", [[["x", 0, 0], ["i", 0, 0]]])],
            ["x", "i"],
            ["c"],
        ),
        r"expected inputs with the same number of axes",
    ),
    "shapes": (
        model([X, layer("InputLayer", "y", [], batch_input_shape=[None, 3]),
               layer("Add", "a", [[["x", 0, 0], ["y", 0, 0]]])], ["x", "y"], ["a"]),
        r"layer a: Add: expected ",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", [*REFUSED, *WRONG])
def test_one_line_says_what_and_where(tmp_path, name):
    config, message = (REFUSED | WRONG)[name]
    write(tmp_path / "m.h5", config, keras_version="2.4.0")
    with pytest.raises(WeightFileError, match=message) as caught:
        adopt_keras(tmp_path / "m.h5")
    assert str(caught.value).startswith(f"{tmp_path / 'm.h5'}: ")
    assert "\n" not in str(caught.value)
    assert caught.value.kind == ("refused" if name in REFUSED else "unreadable")


WEIGHTS = {
    "shape": (
        {"d/kernel:0": ones(4, 3)},
        r"layer d \(Dense\): expected kernel of shape \(4, 2\), the file has \(4, 3\)",
    ),
    "count": (
        {"d/kernel:0": ones(4, 2), "d/bias:0": ones(2)},
        r"expected 1 weights \(kernel \(4, 2\)\), the file has 2",
    ),
    "type": ({"d/kernel:0": np.ones((4, 2), np.int64)}, r"expected kernel of float32, the file has int64"),
}


@pytest.mark.parametrize("name", WEIGHTS)
def test_weights_that_do_not_fit(tmp_path, name):
    stored, message = WEIGHTS[name]
    write(tmp_path / "m.h5", chain(dense()), {"d": stored}, keras_version="2.4.0")
    with pytest.raises(WeightFileError, match=message):
        adopt_keras(tmp_path / "m.h5")


def test_models_inside_models_end_somewhere(tmp_path):
    inner = layer("ReLU", "r", **ROW)
    for _ in range(30):
        inner = chain(inner)
    write(tmp_path / "m.h5", inner, keras_version="2.4.0")
    with pytest.raises(WeightFileError, match=r"models inside models, more than 16 deep|nested too deep"):
        adopt_keras(tmp_path / "m.h5")


def test_models_that_call_each_other_often_end_soon(tmp_path):
    """Ten levels that call the next one ten times would be ten thousand million layers."""
    entry = layer("ReLU", "r", [[["x", 0, 0]]])
    for level in range(10):
        calls = [[["x", 0, 0]], *([[f"m{level}", i, 0]] for i in range(9))]
        fields = model([X, entry | {"inbound_nodes": calls if level else [[["x", 0, 0]]]}], ["x"], [entry["name"]])
        fields["config"]["output_layers"] = [[entry["name"], 8 if level else 0, 0]]
        fields["config"]["name"] = f"m{level + 1}"
        entry = fields | {"name": f"m{level + 1}"}
    write(tmp_path / "m.h5", {key: value for key, value in entry.items() if key != "name"}, keras_version="2.4.0")
    begin = time.process_time()
    with pytest.raises(WeightFileError, match="of more than 20,000 layers"):
        adopt_keras(tmp_path / "m.h5")
    assert time.process_time() - begin < 60


def test_weights_alone_are_no_model(tmp_path):
    with h5py.File(tmp_path / "w.h5", "w") as file:
        file.attrs["layer_names"] = [b"d"]
        own = file.create_group("d")
        own.attrs["weight_names"] = [b"d/kernel:0"]
        own["d/kernel:0"] = ones(4, 2)
    with pytest.raises(WeightFileError, match="holds weights alone, no model: describe it with --recipe or --model"):
        adopt_keras(tmp_path / "w.h5")


def test_another_format_is_no_keras_file(tmp_path):
    np.savez(tmp_path / "w.npz", a=ones(2))
    with pytest.raises(WeightFileError, match="expected a Keras file, got one of format npz"):
        adopt_keras(tmp_path / "w.npz")


def test_an_archive_with_a_model_that_is_not_there(tmp_path):
    with h5py.File(tmp_path / "w.h5", "w") as file:
        file.create_group("layers/dense/vars")["0"] = ones(4, 2)
    with zipfile.ZipFile(tmp_path / "m.keras", "w") as archive:
        archive.writestr("config.json", json.dumps([1, 2]))
        archive.write(tmp_path / "w.h5", "model.weights.h5")
    with pytest.raises(WeightFileError, match=r"its model is of the class \[1, 2\]"):
        adopt_keras(tmp_path / "m.keras")
