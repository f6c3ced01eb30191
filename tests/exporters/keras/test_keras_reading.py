"""Keras files of every generation, made here by hand as Keras made them: order, names, roles, axes."""

import json
import os
import zipfile

import h5py
import numpy as np
import pytest

from cnnkit.errors import WeightFileError
from cnnkit.exporters import read
from cnnkit.exporters.core.keras_config import to_snake_case
from cnnkit.exporters.keras.format import KerasFormat

KERAS = KerasFormat()


def numbers(*shape, start=0):
    return np.arange(start, start + np.prod(shape, dtype=int), dtype=np.float32).reshape(shape)


def rows(weights, *fields):
    return [tuple(getattr(tensor, field) for field in fields) for tensor in weights]


def put_layers(group, layers, names=None):
    """Write {layer: {weight name: array}} as Keras 1 and 2 did."""
    group.attrs["layer_names"] = [name.encode() for name in layers] if names is None else names
    for layer, weights in layers.items():
        own = group.create_group(layer)
        own.attrs["weight_names"] = np.array([name.encode() for name in weights]) if weights else np.zeros(0)
        for name, array in weights.items():
            own[name] = array


@pytest.fixture
def path(tmp_path):
    return tmp_path / "weights"


def test_generation_0_has_numbers_for_names(path):
    with h5py.File(path, "w") as file:
        file.attrs["nb_layers"] = 11
        for index in range(11):
            group = file.create_group(f"layer_{index}")
            group.attrs["nb_params"] = 2 if index in (2, 10) else 0
            if index in (2, 10):
                group["param_0"], group["param_1"] = numbers(3, 2), numbers(2)
    weights = read(path)
    assert weights.format == "keras"
    assert rows(weights, "name", "role", "axes") == [
        ("layer_2.param_0", "weight", ("in", "out")),
        ("layer_2.param_1", "bias", ("out",)),
        ("layer_10.param_0", "weight", ("in", "out")),
        ("layer_10.param_1", "bias", ("out",)),
    ]


def test_generation_1_has_short_names_and_perhaps_theanos_order(path):
    layers = {
        "embedding_1": {"embedding_1_W": numbers(7, 2)},
        "convolution2d_1": {"convolution2d_1_W": numbers(4, 1, 3, 3), "convolution2d_1_b": numbers(4)},
        "lstm_1": {f"lstm_1_{kind}_{gate}": numbers(2, 2) for gate in "ic" for kind in "WU"},
        "batchnormalization_1": {f"batchnormalization_1_{n}": numbers(4) for n in ("gamma", "beta", "running_mean")},
        "flatten_1": {},
    }
    config = {"name": "convolution2d_1", "dim_ordering": "th"}
    with h5py.File(path, "w") as file:
        put_layers(file, layers)
        entry = {"class_name": "Convolution2D", "config": config}
        file.attrs["model_config"] = json.dumps({"class_name": "Sequential", "config": [entry]})
    assert rows(read(path), "name", "kind", "role", "axes") == [
        ("embedding_1.W", "parameter", "embedding", ("vocab", "dim")),
        ("convolution2d_1.W", "parameter", "weight", ("o", "i", "kh", "kw")),
        ("convolution2d_1.b", "parameter", "bias", ("o",)),
        ("lstm_1.W_i", "parameter", "weight", ("in", "out")),
        ("lstm_1.U_i", "parameter", "recurrent_weight", ("in", "out")),
        ("lstm_1.W_c", "parameter", "weight", ("in", "out")),
        ("lstm_1.U_c", "parameter", "recurrent_weight", ("in", "out")),
        ("batchnormalization_1.gamma", "parameter", "gamma", ("c",)),
        ("batchnormalization_1.beta", "parameter", "beta", ("c",)),
        ("batchnormalization_1.running_mean", "state", "mean", ("c",)),
    ]


def full_model(path):
    """A file of Keras 2: model, optimizer, configuration with a Lambda."""
    layers = {
        "z_first": {"z_first/kernel:0": numbers(3, 3, 1, 4), "z_first/bias:0": numbers(4)},
        "depthwise_conv2d": {"depthwise_conv2d/depthwise_kernel:0": numbers(3, 3, 4, 2)},
        "bn": {f"bn/{name}:0": numbers(8) for name in ("gamma", "beta", "moving_mean", "moving_variance")},
        "flatten": {},
        "model_1": {"a/kernel:0": numbers(2, 2), "b/kernel:0": numbers(2, 3)},
        "lstm": {f"lstm/lstm_cell/{n}:0": numbers(2, 8) for n in ("kernel", "recurrent_kernel")},
        "a_last": {"a_last_7/a_last/kernel": numbers(2, 5, start=-3)},
    }
    lambda_layer = {"class_name": "Lambda", "config": {"name": "trick", "function": ["4wEAAAA=", None, None]}}
    with h5py.File(path, "w") as file:
        file.attrs["keras_version"], file.attrs["backend"] = "2.6.0", np.bytes_(b"tensorflow")
        file.attrs["model_config"] = json.dumps({"class_name": "Functional", "config": {"layers": [lambda_layer]}})
        file.attrs["training_config"] = '{"loss": NaN}'
        put_layers(file.create_group("model_weights"), layers)
        file["model_weights"].create_group("top_level_model_weights").attrs["weight_names"] = np.zeros(0)
        optimizer = file.create_group("optimizer_weights")
        optimizer.attrs["weight_names"] = ["Adam/iter:0", "Adam/z_first/kernel/m:0"]
        optimizer["Adam/iter:0"], optimizer["Adam/z_first/kernel/m:0"] = np.int64(5), numbers(3, 3, 1, 4)
        file["notes"] = numbers(2)
    return path


def test_generation_2_comes_in_the_order_of_the_model(path):
    weights = read(full_model(path))
    assert rows(weights, "name", "layer", "kind", "role", "axes") == [
        ("z_first.kernel", "z_first", "parameter", "weight", ("kh", "kw", "i", "o")),
        ("z_first.bias", "z_first", "parameter", "bias", ("o",)),
        ("depthwise_conv2d.depthwise_kernel", "depthwise_conv2d", "parameter", "weight", ("kh", "kw", "i", "m")),
        ("bn.gamma", "bn", "parameter", "gamma", ("c",)),
        ("bn.beta", "bn", "parameter", "beta", ("c",)),
        ("bn.moving_mean", "bn", "state", "mean", ("c",)),
        ("bn.moving_variance", "bn", "state", "variance", ("c",)),
        ("model_1.a.kernel", "model_1.a", "parameter", "weight", ("in", "out")),
        ("model_1.b.kernel", "model_1.b", "parameter", "weight", ("in", "out")),
        ("lstm.kernel", "lstm", "parameter", "weight", ("in", "out")),
        ("lstm.recurrent_kernel", "lstm", "parameter", "recurrent_weight", ("in", "out")),
        ("a_last.kernel", "a_last", "parameter", "weight", ("in", "out")),
        ("Adam.iter", "Adam", "optimizer", "other", ()),
        ("Adam.z_first.kernel.m", "Adam.z_first.kernel", "optimizer", "slot", ("0", "1", "2", "3")),
        ("notes", "", "other", "other", ("0",)),
    ]
    np.testing.assert_array_equal(weights["a_last.kernel"].read(), numbers(2, 5, start=-3))
    about = weights.metadata["keras"]
    assert (about["keras_version"], about["backend"]) == ("2.6.0", "tensorflow")
    assert about["config"]["config"]["layers"][0]["config"]["function"][0] == "4wEAAAA="
    assert about["paths"]["lstm.kernel"] == "/model_weights/lstm/lstm/lstm_cell/kernel:0"
    assert [(item.what, item.reason) for item in weights.not_read] == [
        ("code of Lambda layer trick", "kept as text, never run"),
        ("training_config", "NaN is not JSON"),
    ]


def test_names_that_do_not_fit_into_one_attribute_are_joined(path):
    layers = {f"dense_{i}": {f"dense_{i}/kernel:0": numbers(1, 1)} for i in range(12)}
    with h5py.File(path, "w") as file:
        put_layers(file, layers)
        del file.attrs["layer_names"]
        names = [name.encode() for name in reversed(layers)]
        file.attrs["layer_names0"], file.attrs["layer_names1"] = names[:5], names[5:]
    assert [tensor.layer for tensor in read(path)] == list(reversed(layers))


def put_saved(file, objects):
    """Write {path of an object: (its name, [arrays])} as Keras 3 does."""
    for place, (name, arrays) in objects.items():
        own = file.create_group(f"{place}/vars")
        if name:
            own.attrs["name"] = name
        for index, array in enumerate(arrays):
            own[str(index)] = array


CONFIG = {
    "class_name": "Sequential",
    "config": {
        "layers": [
            {"class_name": "InputLayer", "config": {"name": "input"}},
            {"class_name": "Dense", "config": {"name": "first"}},
            {"class_name": "Conv2D", "config": {"name": "second"}},
            {"class_name": "BatchNormalization", "config": {"name": "norm", "scale": False, "center": True}},
            {"class_name": "Sequential", "config": {"layers": [{"class_name": "Dense", "config": {"name": "deep"}}]}},
            {"class_name": "Dense", "config": {"name": "last"}},
        ]
    },
}
SAVED = {
    "layers/conv2d": ("second", [numbers(3, 3, 1, 2), numbers(2)]),
    "layers/dense": ("first", [numbers(4, 2), numbers(2)]),
    "layers/dense_1": ("last", [numbers(2, 2)]),
    "layers/batch_normalization": (None, [numbers(2), numbers(2), numbers(2)]),
    "layers/sequential/layers/dense": (None, [numbers(2, 2)]),
    "layers/dropout/seed_generator": ("seed_generator", [np.zeros(2, np.uint32)]),
    "optimizer": ("adam", [np.int64(3), np.float32(0.1), *[numbers(4, 2)] * 9]),
    "metrics/mean": (None, [numbers(1)]),
}


def keras_zip(path, config=CONFIG, compression=zipfile.ZIP_STORED, member="model.weights.h5"):
    with h5py.File(path.with_suffix(".h5"), "w") as file:
        put_saved(file, SAVED)
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr("metadata.json", '{"keras_version": "3.9.2", "date_saved": "2025-01-01"}')
        archive.writestr("config.json", json.dumps(config))
        archive.write(path.with_suffix(".h5"), member)
    return path


def test_a_keras_3_archive_takes_order_and_labels_from_its_configuration(path):
    weights = read(keras_zip(path))
    assert rows(weights, "name", "kind", "role")[:12] == [
        ("first.kernel", "parameter", "weight"),
        ("first.bias", "parameter", "bias"),
        ("second.kernel", "parameter", "weight"),
        ("second.bias", "parameter", "bias"),
        ("norm.beta", "parameter", "beta"),
        ("norm.moving_mean", "state", "mean"),
        ("norm.moving_variance", "state", "variance"),
        ("sequential.deep.kernel", "parameter", "weight"),
        ("last.kernel", "parameter", "weight"),
        ("dropout.seed_generator.seed_generator_state", "state", "other"),
        ("optimizer.iteration", "optimizer", "other"),
        ("optimizer.learning_rate", "optimizer", "other"),
    ]
    assert [tensor.name for tensor in weights][12:] == [*(f"optimizer.{i}" for i in range(2, 11)), "metrics.mean.0"]
    assert weights["second.kernel"].axes == ("kh", "kw", "i", "o")
    assert weights.metadata["keras"]["keras_version"] == "3.9.2"
    np.testing.assert_array_equal(weights["first.kernel"].read(), numbers(4, 2))


def test_weights_without_configuration_are_sorted_as_people_count(path):
    objects = {f"layers/dense_{i}" if i else "layers/dense": (f"d{i}", [numbers(1, 1)]) for i in (10, 2, 1, 0)}
    objects["layers/batch_normalization"] = (None, [numbers(2)] * 4)
    objects["layers/batch_normalization_1"] = (None, [numbers(2)] * 3)  # gamma or beta, who can tell
    objects["layers/lstm/cell"] = ("lstm_cell", [numbers(2, 8), numbers(2, 8), numbers(8)])
    objects["encoder"] = ("embedding_4", [numbers(9, 2)])
    with h5py.File(path, "w") as file:
        put_saved(file, objects)
    assert [tensor.name for tensor in read(path)] == [
        "embedding_4.embeddings",
        *(f"batch_normalization.{name}" for name in ("gamma", "beta", "moving_mean", "moving_variance")),
        *(f"batch_normalization_1.{name}" for name in ("0", "moving_mean", "moving_variance")),
        *(f"d{i}.kernel" for i in (0, 1, 2, 10)),
        *(f"lstm.lstm_cell.{name}" for name in ("kernel", "recurrent_kernel", "bias")),
    ]


def test_backslashes_of_windows_and_the_names_of_2_13(path):
    with h5py.File(path, "w") as file:
        put_saved(file, {r"layers\dense": (None, [numbers(2, 2)])})
        put_saved(file, {r"enc\_layer_checkpoint_dependencies\conv2d": (None, [numbers(1, 1, 1, 2), numbers(2)])})
        put_saved(file, {"_layer_checkpoint_dependencies/dense_1": (None, [numbers(2, 3)])})
    assert [tensor.name for tensor in read(path)] == [
        "dense_1.kernel",
        "enc.conv2d.kernel",
        "enc.conv2d.bias",
        "dense.kernel",
    ]


def test_bfloat16_comes_as_raw_bits(path):
    with h5py.File(path, "w") as file:
        file["layers/dense/vars/0"] = np.array([[0x3F80, 0xC000]], np.uint16).view("V2")
        file["layers/dense/vars/0"].attrs["dtype"] = "bfloat16"
        file["layers/dense_1/vars/0"] = np.zeros((1, 1), "V2")
    weights = read(path)
    assert rows(weights, "name", "dtype", "shape") == [("dense.kernel", "bfloat16", (1, 2))]
    assert weights["dense.kernel"].read().tolist() == [[0x3F80, 0xC000]]
    assert [item.reason for item in weights.not_read] == ["opaque bytes, not numbers"]


def test_two_variables_of_one_name_go_by_their_places(path):
    with h5py.File(path, "w") as file:
        put_saved(file, {"layers/dense": ("same", [numbers(1, 1)]), "layers/dense_1": ("same", [numbers(1, 1)])})
    assert [tensor.name for tensor in read(path)] == ["layers/dense/vars/0", "layers/dense_1/vars/0"]


@pytest.mark.parametrize(
    ("name", "snake"),
    [("Conv2DTranspose", "conv2d_transpose"), ("ReLU", "re_lu"), ("LSTM", "lstm"), ("GRUCell", "gru_cell")],
)
def test_classes_in_snake_case_as_keras_writes_them(name, snake):
    assert to_snake_case(name) == snake


def put_kernels(path, layers, **attributes):
    """Write {layer: arrays of kernel and bias} as Keras 2 did, without a configuration."""
    with h5py.File(path, "w") as file:
        file.attrs.update(attributes)
        names = ("kernel:0", "bias:0")
        put_layers(
            file, {k: {f"{k}/{n}": a for n, a in zip(names, arrays, strict=False)} for k, arrays in layers.items()}
        )


@pytest.mark.parametrize(
    ("kernel", "bias", "axes"),
    [
        ((3, 3, 4, 8), 8, ("kh", "kw", "i", "o")),
        ((3, 3, 8, 1), 8, ("kh", "kw", "i", "m")),
        ((3, 3, 4, 2), 8, ("kh", "kw", "i", "m")),
        ((3, 3, 8, 5), 8, ("kh", "kw", "o", "i")),
        ((3, 3, 8, 8), 8, ("kh", "kw", "i", "o")),
        ((8, 3, 3, 5), 8, ("kh", "kw", "i", "o")),  # since version 2 no outputs come first
    ],
)
def test_the_length_of_the_bias_tells_what_the_name_of_a_layer_does_not(path, kernel, bias, axes):
    put_kernels(path, {"c": (numbers(*kernel), numbers(bias))}, keras_version="2.4.0")
    assert rows(read(path), "role", "axes") == [("weight", axes), ("bias", ("o",))]


def test_one_bias_tells_theanos_order_for_the_whole_file(path):
    layers = {"a": (numbers(8, 3, 3, 8), numbers(8)), "b": (numbers(6, 8, 3, 3), numbers(6)), "d": (numbers(2, 3),)}
    put_kernels(path, layers)
    weights = read(path)
    assert rows(weights, "axes")[::2] == [(("o", "i", "kh", "kw"),), (("o", "i", "kh", "kw"),), (("in", "out"),)]
    assert weights.metadata["keras"]["perhaps_mirrored"] == ["a.kernel", "b.kernel"]
    put_kernels(path.with_name("last"), {"a": (numbers(3, 3, 8, 6), numbers(6))})
    assert "perhaps_mirrored" not in read(path.with_name("last")).metadata["keras"]


@pytest.mark.parametrize(("version", "theano"), [("1.2.0", True), ("2.0.4", False)])
def test_only_theano_itself_mirrored_for_certain(path, version, theano):
    put_kernels(path, {"a": (numbers(6, 8, 3, 3), numbers(6))}, keras_version=version, backend="theano")
    weights = read(path)
    assert weights["a.kernel"].axes[0] == ("o" if theano else "kh")
    assert weights.metadata["keras"]["mirrored"] == ["a.kernel"]
    put_kernels(path.with_name("other"), {"a": (numbers(6, 8, 3, 3), numbers(6))}, backend="tensorflow")
    assert "mirrored" not in str(read(path.with_name("other")).metadata)


def test_convolutions_of_generation_0(path):
    with h5py.File(path, "w") as file:
        file.attrs["nb_layers"] = 2
        for index, (kernel, bias) in enumerate((((5, 1, 3, 3), 5), ((4, 5, 3, 3), 4))):
            group = file.create_group(f"layer_{index}")
            group.attrs["nb_params"] = 2
            group["param_0"], group["param_1"] = numbers(*kernel), numbers(bias)
    weights = read(path)
    assert rows(weights, "role", "axes") == [("weight", ("o", "i", "kh", "kw")), ("bias", ("o",))] * 2
    assert weights.metadata["keras"]["mirrored"] == ["layer_0.param_0", "layer_1.param_0"]


def test_a_nested_model_has_the_axes_of_the_layers_inside(path):
    inner = [
        {"class_name": "Conv2DTranspose", "config": {"name": "up"}},
        {"class_name": "Dense", "config": {"name": "flat"}},
    ]
    outer = {"class_name": "Functional", "config": {"name": "inner", "layers": inner}}
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps({"class_name": "Functional", "config": {"layers": [outer]}})
        names = {"up/kernel:0": (3, 3, 4, 4), "up/bias:0": (4,), "flat/kernel:0": (4, 2), "flat/bias:0": (2,)}
        put_layers(file, {"inner": {name: numbers(*shape) for name, shape in names.items()}})
    assert rows(read(path), "name", "axes") == [
        ("inner.up.kernel", ("kh", "kw", "o", "i")),
        ("inner.up.bias", ("o",)),
        ("inner.flat.kernel", ("in", "out")),
        ("inner.flat.bias", ("out",)),
    ]


def test_objects_inside_a_layer_have_their_names_and_order(path):
    both = {"name": "both", "layer": {"class_name": "LSTM", "config": {"name": "there"}}}
    both["backward_layer"] = {"class_name": "LSTM", "config": {"name": "back"}}
    config = {"class_name": "Sequential", "config": {"layers": [{"class_name": "Bidirectional", "config": both}]}}
    objects = {
        f"layers/bidirectional/{way}_layer/cell": (cell, [numbers(2, 8), numbers(2, 8), numbers(8)])
        for way, cell in (("backward", "lstm_cell"), ("forward", None))
    }
    objects["layers/multi_head_attention/key_dense"] = ("key", [numbers(4, 2, 3), numbers(2, 3)])
    objects["layers/multi_head_attention/query_dense"] = ("query", [numbers(4, 2, 3), numbers(2, 3)])
    with h5py.File(path.with_suffix(".h5"), "w") as file:
        put_saved(file, objects)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", json.dumps(config))
        archive.write(path.with_suffix(".h5"), "model.weights.h5")
    assert [tensor.name for tensor in read(path)] == [
        *(f"both.there.cell.{name}" for name in ("kernel", "recurrent_kernel", "bias")),
        *(f"both.back.lstm_cell.{name}" for name in ("kernel", "recurrent_kernel", "bias")),
        *(f"multi_head_attention.{name}" for name in ("query.kernel", "query.bias", "key.kernel", "key.bias")),
    ]


def test_a_model_of_ones_own_class_has_kerass_names(path):
    with h5py.File(path, "w") as file:
        put_saved(
            file, {"aux": ("conv2d_2", [numbers(1, 1, 1, 2), numbers(2)]), "body": ("conv2d_1", [numbers(1, 1, 1, 2)])}
        )
    assert [tensor.name for tensor in read(path)] == ["conv2d_2.kernel", "conv2d_2.bias", "conv2d_1.kernel"]


def external_link(file, _):
    del file["model_weights/bn/bn/beta:0"]
    file["model_weights/bn/bn/beta:0"] = h5py.ExternalLink("other.h5", "/secret")


def external_storage(file, folder):
    del file["model_weights/bn/bn/beta:0"]
    place = [(str(folder / "passwords"), 0, 32)]
    file.create_dataset("model_weights/bn/bn/beta:0", (8,), "f4", external=place)


def soft_group(file, _):
    file.move("model_weights/a_last", "elsewhere")
    file["model_weights/a_last"] = h5py.SoftLink("/elsewhere")


def no_weight(file, _):
    del file["model_weights/bn/bn/beta:0"]


def strange_names(file, _):
    file["model_weights"].attrs["layer_names"] = 7


@pytest.mark.parametrize(
    ("spoil", "kind", "message"),
    [
        (external_link, "refused", r"beta:0 \(external link\): not followed"),
        (external_storage, "refused", "beta:0: external storage"),
        (soft_group, "unreadable", "layer a_last is listed, but missing"),
        (no_weight, "unreadable", "model_weights/bn/bn/beta:0 is listed as a weight, but missing"),
        (strange_names, "unreadable", "attribute layer_names is not a list of names"),
    ],
)
def test_a_listed_weight_that_is_not_in_the_file_is_one_line(path, tmp_path, spoil, kind, message):
    with h5py.File(full_model(path), "r+") as file:
        spoil(file, tmp_path)
    with pytest.raises(WeightFileError, match=message) as caught:
        read(path)
    assert (caught.value.kind, caught.value.format, caught.value.file) == (kind, "keras", str(path))
    assert "\n" not in str(caught.value)


def test_a_truncated_file_says_so(path):
    os.truncate(full_model(path), 9000)
    with pytest.raises(WeightFileError, match="truncated file") as caught:
        read(path)
    assert caught.value.kind == "unreadable"


def test_archives_that_are_not_read(path):
    with pytest.raises(WeightFileError, match="pickled dictionaries") as caught:
        read(keras_zip(path, member="model.weights.npz"))
    assert caught.value.kind == "refused"
    with pytest.raises(WeightFileError, match="compressed, which Keras does not do"):
        read(keras_zip(path, compression=zipfile.ZIP_DEFLATED))
    data = bytearray(keras_zip(path).read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(WeightFileError, match="checksum"):
        read(path)


def test_what_is_no_keras(path):
    with h5py.File(path, "w") as file:
        file["x/vars/0"], file["y"] = 1.0, 2.0
    assert not KERAS.recognises(path, path.read_bytes()[:8192])
    with pytest.raises(WeightFileError, match="that Keras did not write"):
        KERAS.read(path)
    path.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(200))
    assert not KERAS.recognises(path, path.read_bytes())
