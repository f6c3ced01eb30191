"""Keras models of older generations, made here by hand as those wrote them; outputs are PyTorch's."""

import json

import numpy as np
import pytest
import torch
from handmade.keras_h5 import chain, layer, model, write
from torch.nn import functional

from cnnkit.adopting.keras import adopt_keras
from cnnkit.errors import WeightFileError
from cnnkit.network import Network
from cnnkit.tree import map_leaves

RNG = np.random.default_rng(11)


def draw(*shape):
    return RNG.normal(0, 0.5, shape).astype(np.float32)


def run(adopted, *inputs):
    """Return what the adopted network makes of float32 inputs."""
    network = Network(adopted.network, adopted.input_shape, backend="numpy")
    network.params, network.state = (map_leaves(network.backend.asarray, tree) for tree in adopted.variables)
    return network.outputs(inputs[0] if len(inputs) == 1 else inputs)


def tensor(array):
    return torch.from_numpy(np.ascontiguousarray(array))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.h5"


KERNEL, BIAS, ROWS, OFFSET = draw(4, 2, 3, 2), draw(4), draw(4 * 2 * 3, 5), draw(5)


def keras_1(path, ordering, kernel, rows, **attributes):
    shape = [None, 2, 6, 7] if ordering == "th" else [None, 6, 7, 2]
    conv = {"nb_filter": 4, "nb_row": 3, "nb_col": 2, "border_mode": "valid", "subsample": [1, 1], "bias": True}
    layers = [
        layer("Convolution2D", "conv_1", dim_ordering=ordering, activation="relu", batch_input_shape=shape, **conv),
        layer("MaxPooling2D", "pool_1", pool_size=[2, 2], strides=[2, 2], border_mode="valid", dim_ordering=ordering),
        layer("Dropout", "drop_1", p=0.25),
        layer("Flatten", "flatten_1"),
        layer("Dense", "dense_1", output_dim=5, activation="hard_sigmoid"),
    ]
    weights = {
        "conv_1": {"conv_1_W": kernel, "conv_1_b": BIAS},
        "pool_1": {},
        "flatten_1": {},
        "dense_1": {"dense_1_W": rows, "dense_1_b": OFFSET},
    }
    return write(path, {"class_name": "Sequential", "config": layers}, weights, **attributes)


def expect_1(x, kernel, rows):
    """The model's outputs; rows in the order of channels first."""
    y = functional.max_pool2d(functional.conv2d(tensor(x), tensor(kernel), tensor(BIAS)).relu(), 2)
    return (0.2 * (y.flatten(1) @ tensor(rows) + tensor(OFFSET)) + 0.5).clip(0, 1).numpy()


def test_keras_1_with_the_ordering_of_theano(path):
    x = draw(3, 2, 6, 7)
    adopted = adopt_keras(keras_1(path, "th", KERNEL, ROWS))
    assert (adopted.input_shape, adopted.channels_last) == ((2, 6, 7), False)
    np.testing.assert_allclose(run(adopted, x), expect_1(x, KERNEL, ROWS), rtol=1e-5, atol=1e-6)


def test_what_theano_ran_is_mirrored(path):
    x = draw(3, 2, 6, 7)
    adopted = adopt_keras(keras_1(path, "th", KERNEL[..., ::-1, ::-1], ROWS, keras_version="1.2.2", backend="theano"))
    np.testing.assert_allclose(run(adopted, x), expect_1(x, KERNEL, ROWS), rtol=1e-5, atol=1e-6)


def test_keras_1_with_the_ordering_of_tensorflow(path):
    x = draw(3, 2, 6, 7)
    rows = ROWS.reshape(4, 2, 3, 5).transpose(1, 2, 0, 3).reshape(-1, 5)
    adopted = adopt_keras(keras_1(path, "tf", KERNEL.transpose(2, 3, 1, 0), rows, keras_version="1.2.2"))
    assert (adopted.input_shape, adopted.channels_last) == ((2, 6, 7), True)
    np.testing.assert_allclose(run(adopted, x), expect_1(x, KERNEL, ROWS), rtol=1e-5, atol=1e-6)
    assert [(node.name, node.operator, node.became) for node in adopted.nodes][:2] == [
        ("conv_1", "keras.Convolution2D", "conv_1"),
        ("pool_1", "keras.MaxPooling2D", "pool_1"),
    ]
    assert adopted.metadata["maker"] == "Keras 1.2.2"


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 2, 0, 1)], ids=["1.2", "1.1"])
def test_keras_1_has_two_shapes_of_kernels_along_one_axis(path, order):
    kernel, x = draw(3, 1, 2, 4), draw(2, 2, 8)
    fields = {"nb_filter": 4, "filter_length": 3, "border_mode": "valid", "subsample_length": 2, "bias": False}
    conv = layer("Convolution1D", "c", batch_input_shape=[None, 8, 2], **fields)
    write(path, {"class_name": "Sequential", "config": [conv]}, {"c": {"c_W": kernel.transpose(order)}})
    expected = functional.conv1d(tensor(x), tensor(kernel[:, 0].transpose(2, 1, 0)), stride=2)
    np.testing.assert_allclose(run(adopt_keras(path), x), expected, rtol=1e-5, atol=1e-6)


def test_keras_1_merges_and_batch_normalisation(path):
    statistics = {"n_gamma": draw(6), "n_beta": draw(6), "n_running_mean": draw(6), "n_running_std": draw(6) ** 2 + 0.5}
    layers = [
        layer("InputLayer", "x", [], batch_input_shape=[None, 3]),
        layer("Merge", "joined", [[["x", 0, 0], ["x", 0, 0]]], mode="concat", concat_axis=-1),
        layer("BatchNormalization", "n", [[["joined", 0, 0]]], mode=0, axis=-1, epsilon=0.01, momentum=0.9),
        layer("Merge", "sum", [[["n", 0, 0], ["joined", 0, 0]]], mode="sum"),
    ]
    write(path, model(layers, ["x"], ["sum"]), {"n": statistics}, keras_version="1.1.0")
    adopted, x = adopt_keras(path), draw(2, 3)
    twice = np.concatenate([x, x], 1)
    gamma, beta, mean, variance = map(tensor, statistics.values())
    expected = functional.batch_norm(tensor(twice), mean, variance, gamma, beta, eps=0.01).numpy() + twice
    np.testing.assert_allclose(run(adopted, x), expected, rtol=1e-5, atol=1e-6)
    assert next(n.layer.momentum for n in adopted.network.nodes if n.name == "n") == pytest.approx(0.1)


def test_theano_mirrors_along_one_axis_too(path):
    kernel, x = draw(3, 2, 4), draw(2, 2, 8)
    conv = layer("Conv1D", "c", filters=4, kernel_size=[3], use_bias=False, batch_input_shape=[None, 8, 2])
    write(path, chain(conv), {"c": {"c/kernel:0": kernel}}, keras_version="2.1.0", backend="theano")
    expected = functional.conv1d(tensor(x), tensor(kernel[::-1].transpose(2, 1, 0)))
    np.testing.assert_allclose(run(adopt_keras(path), x), expected, rtol=1e-5, atol=1e-6)


CONV = {"filters": 2, "kernel_size": [1, 1], "strides": [1, 1], "padding": "valid", "data_format": "channels_last"}


def test_a_model_inside_counts_its_calls_from_its_own_one(path):
    """Keras 2: the first call of a model is that of its own inputs; weights are listed by paths inside the group."""
    kernel = draw(2, 2)
    inner = [layer("InputLayer", "in", [], batch_input_shape=[None, 2]), layer("Dense", "d", [[["in", 0, 0, {}]]],
             units=2, use_bias=False, activation="tanh")]  # fmt: skip
    nested = {
        **model(inner, ["in"], ["d"]),
        "name": "inner",
        "inbound_nodes": [[["x", 0, 0, {}]], [["inner", 1, 0, {}]]],
    }
    nested["config"]["name"] = "inner"
    layers = [layer("InputLayer", "x", [], batch_input_shape=[None, 2]), nested,
              layer("Add", "sum", [[["inner", 1, 0, {}], ["inner", 2, 0, {}]]])]  # fmt: skip
    write(path, model(layers, ["x"], ["sum"]), {"inner": {"d_7/kernel:0": kernel}}, keras_version="2.2.4")
    adopted, x = adopt_keras(path), draw(3, 2)
    once = np.tanh(x @ kernel)
    np.testing.assert_allclose(run(adopted, x), once + np.tanh(once @ kernel), rtol=1e-5, atol=1e-6)
    assert [n.shares for n in adopted.network.nodes if "tanh" not in n.name] == [None, "inner_d", None]


def test_functions_of_tensorflow_between_layers(path):
    """tf.keras 2.4 to 2.15: TFOpLambda and SlicingOpLambda, arguments beside the tensor or as constants before it."""
    layers = [
        layer("InputLayer", "x", [], batch_input_shape=[None, 4, 4, 2]),
        layer("TFOpLambda", "tf.half", [["x", 0, 0, {"y": [[[[0.5, 0.25]]]], "name": None}]], function="math.multiply"),
        layer("TFOpLambda", "less", [["_CONSTANT_VALUE", -1, 1.0, {"y": ["tf.half", 0, 0]}]], function="math.subtract"),
        layer("TFOpLambda", "cut", [["less", 0, 0, {}]], function="nn.relu6"),
        layer("SlicingOpLambda", "part", [["cut", 0, 0, {"slice_spec": [
            {"start": None, "stop": None, "step": None}, {"start": 1, "stop": 3, "step": None}]}]],
            function="__operators__.getitem"),
        layer("TFOpLambda", "both", [[["part", 0, 0, {"axis": -1}], ["part", 0, 0, {"axis": -1}]]], function="concat"),
        layer("TFOpLambda", "mean", [["both", 0, 0, {"axis": [1, 2], "keepdims": False}]], function="math.reduce_mean"),
    ]  # fmt: skip
    write(path, model(layers, ["x"], ["mean"]), {}, keras_version="2.8.0")
    adopted, x = adopt_keras(path), draw(2, 2, 4, 4)
    part = np.clip(1 - x * np.array([0.5, 0.25])[:, None, None], 0, 6)[:, :, 1:3]
    np.testing.assert_allclose(run(adopted, x), np.concatenate([part, part], 1).mean((2, 3)), rtol=1e-5, atol=1e-6)
    assert adopted.nodes[0].note == "TensorFlow's math.multiply"


def test_nodes_of_tensorflow_between_layers(path):
    """tf.keras to 2.3: TensorFlowOpLayer with a node of a graph and its constants."""

    def node(name, operation, source, **constants):
        about = {"name": name, "op": operation, "input": ["a", "b"], "attr": {"T": {"type": "DT_FLOAT"}}}
        place = {key.strip("_"): value for key, value in constants.items()}
        return layer("TensorFlowOpLayer", name, [[[source, 0, 0, {}]]], node_def=json.dumps(about), constants=place)

    layers = [
        layer("InputLayer", "x", [], batch_input_shape=[None, 3]),
        node("add", "AddV2", "x", _1=3.0),
        node("relu", "Relu6", "add"),
        node("mul", "Mul", "relu", _1=1 / 6),
        node("sub", "Sub", "mul", _0=2.0),
    ]
    write(path, model(layers, ["x"], ["sub"]), {}, keras_version="2.3.0-tf")
    x = draw(2, 3)
    np.testing.assert_allclose(run(adopt_keras(path), x), 2 - np.clip(x + 3, 0, 6) / 6, rtol=1e-5, atol=1e-6)


def test_padding_of_an_average_does_not_count(path):
    """TensorFlow's rule; the uneven pixel stands at the end."""
    pool = layer("AveragePooling2D", "p", pool_size=[2, 2], strides=[2, 2], padding="same", data_format="channels_last",
                 batch_input_shape=[None, 3, 3, 1])  # fmt: skip
    write(path, chain(pool), {}, keras_version="2.4.0")
    x = np.arange(9, dtype=np.float32).reshape(1, 1, 3, 3)
    assert run(adopt_keras(path), x).tolist() == [[[[2.0, 3.5], [6.5, 8.0]]]]


def test_numbers_that_numpy_wrapped(path):
    wrapped = {"class_name": "__numpy__", "config": {"value": 0.25, "dtype": "float32"}}
    layers = [
        layer("LeakyReLU", "a", alpha={"type": "ndarray", "value": 0.1}, batch_input_shape=[None, 3]),
        layer("ReLU", "b", max_value=[2.0], negative_slope=wrapped, threshold=0.0),
    ]
    write(path, chain(*layers), {}, keras_version="2.2.2")
    x = np.array([[-1.0, 0.5, 3.0]], np.float32)
    np.testing.assert_allclose(run(adopt_keras(path), x), [[-0.025, 0.5, 2.0]], rtol=1e-6)


def test_open_sizes_are_taken_from_input_shape(path):
    conv = layer("Conv2D", "c", batch_input_shape=[None, None, None, 3], **CONV)
    write(path, chain(conv),
          {"c": {"c/kernel:0": draw(1, 1, 3, 2), "c/bias:0": draw(2)}}, keras_version="2.4.0")  # fmt: skip
    with pytest.raises(
        WeightFileError, match=r"input input: the file leaves its shape open, \(any, any, 3\): name its"
    ):
        adopt_keras(path)
    assert adopt_keras(path, input_shape=(3, 8, 6)).input_shape == (3, 8, 6)
    assert adopt_keras(path, input_shape=(8, 6, 3)).input_shape == (3, 8, 6)
    with pytest.raises(WeightFileError, match=r"the file has \(any, any, 3\), input_shape is \(4, 8, 6\)"):
        adopt_keras(path, input_shape=(4, 8, 6))


LOSSES = {
    "mse": "mean_squared_error",
    "mean_absolute_error": "l1",
    "categorical_crossentropy": None,
    "no_such_loss": None,
}


@pytest.mark.parametrize(("loss", "ours"), LOSSES.items())
def test_a_loss_is_taken_over_where_it_is_the_same(path, loss, ours):
    dense = layer("Dense", "d", units=2, use_bias=False, batch_input_shape=[None, 3])
    write(path, chain(dense), {"d": {"d/kernel:0": draw(3, 2)}},
          keras_version="2.4.0", training_config={"loss": loss})  # fmt: skip
    assert adopt_keras(path).metadata.get("loss") == ours


def test_a_loss_on_logits_is_taken_over(path):
    dense = layer("Dense", "d", units=2, use_bias=False, batch_input_shape=[None, 3])
    loss = {"class_name": "SparseCategoricalCrossentropy", "config": {"from_logits": True}}
    write(path, chain(dense), {"d": {"d/kernel:0": draw(3, 2)}},
          keras_version="2.4.0", training_config={"loss": loss})  # fmt: skip
    assert adopt_keras(path).metadata["loss"] == "softmax_cross_entropy"
