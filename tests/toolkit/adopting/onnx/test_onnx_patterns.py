"""Groups of nodes that exporters write, each against onnxruntime: what they become, and that it gives the same."""

import math

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx_cases import run_case

from cnnkit.adopting.onnx import adopt_onnx
from cnnkit.layers import Graph

RNG = np.random.default_rng(2)


class Writer:
    """Makes a model node by node; each call returns the name of the result."""

    def __init__(self, *shape, version=17):
        self.nodes, self.tensors, self.shape, self.version = [], [], shape, version

    def constant(self, values, dtype=np.float32):
        name = f"c{len(self.tensors)}"
        self.tensors.append(numpy_helper.from_array(np.asarray(values, dtype), name))
        return name

    def __call__(self, op, *inputs, outputs=1, **attributes):
        names = [value if isinstance(value, str) else self.constant(value) for value in inputs]
        results = [f"v{len(self.nodes)}_{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(op, names, results, name=f"{op}.{len(self.nodes)}", **attributes))
        return results[0] if outputs == 1 else results

    def save(self, path, *results):
        outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in results]
        x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", *self.shape])
        graph = helper.make_graph(self.nodes, "g", [x], outputs, self.tensors)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.version)], ir_version=9)
        path.write_bytes(model.SerializeToString())


def normal(*shape):
    return RNG.normal(size=shape).astype(np.float32)


def list_types(network):
    layers = [node.layer for node in network.nodes] if isinstance(network, Graph) else network.layers
    return ["shared" if layer is None else layer.type for layer in layers]


def require_same(writer, results, path, types):
    """Fail unless the adopted model has these layers and gives what onnxruntime gives."""
    writer.save(path, *results)
    x = normal(3, *writer.shape)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    wanted = session.run(None, {"x": x})
    adopted = adopt_onnx(path)
    for backend in ("numpy", "torch"):
        got = run_case(adopted, (x,), backend)
        for mine, theirs in zip(got, wanted, strict=True):
            np.testing.assert_allclose(mine, theirs, rtol=1e-5, atol=1e-5)
    assert list_types(adopted.network) == types
    return adopted


def gelu(w, x):
    return w("Mul", w("Mul", x, w("Add", w("Erf", w("Div", x, math.sqrt(2))), 1.0)), 0.5)


def gelu_of_keras(w, x):
    return w("Mul", w("Mul", 0.5, x), w("Add", 1.0, w("Erf", w("Mul", x, math.sqrt(0.5)))))


def tanh_gelu(w, x):
    inner = w("Mul", w("Add", x, w("Mul", 0.044715, w("Pow", x, 3.0))), math.sqrt(2 / math.pi))
    return w("Mul", w("Mul", 0.5, x), w("Add", 1.0, w("Tanh", inner)))


def tanh_gelu_by_squares(w, x):
    square = w("Add", w("Mul", w("Mul", x, x), 0.044715), 1.0)
    inner = w("Mul", w("Mul", x, math.sqrt(2 / math.pi)), square)
    return w("Mul", w("Mul", x, w("Add", w("Tanh", inner), 1.0)), 0.5)


def hardswish(w, x):
    return w("Div", w("Mul", x, w("Clip", w("Add", x, 3.0), 0.0, 6.0)), 6.0)


def layer_norm(w, x):
    centred = w("Sub", x, w("ReduceMean", x, axes=[-1]))
    variance = w("ReduceMean", w("Pow", centred, 2.0), axes=[-1])
    y = w("Div", centred, w("Sqrt", w("Add", variance, 1e-5)))
    return w("Add", w("Mul", y, normal(6)), normal(6))


def shuffle(w, x):
    split = w("Reshape", x, w.constant([0, 2, 2, 5, 6], np.int64))
    return w("Reshape", w("Transpose", split, perm=[0, 2, 1, 3, 4]), w.constant([0, -1, 5, 6], np.int64))


def shaped(w, x):
    """A flatten as Keras and PyTorch write it: the batch taken from the shape."""
    batch = w("Gather", w("Shape", x), w.constant(0, np.int64))
    shape = w("Concat", w("Unsqueeze", batch, w.constant([0], np.int64)), w.constant([-1], np.int64), axis=0)
    return w("Reshape", x, shape)


def resized(w, x):
    half = w("Slice", w("Shape", x), w.constant([2], np.int64), w.constant([4], np.int64))
    size = w("Cast", w("Floor", w("Mul", w("Cast", half, to=1), 1.5)), to=7)
    kept = w("Slice", w("Shape", x), w.constant([0], np.int64), w.constant([2], np.int64))
    return w("Resize", x, "", "", w("Concat", kept, size, axis=0), mode="linear")


PATTERNS = {
    "gelu": (gelu, ["GELU"]),
    "gelu of Keras": (gelu_of_keras, ["GELU"]),
    "tanh gelu": (tanh_gelu, ["GELU"]),
    "tanh gelu by squares": (tanh_gelu_by_squares, ["GELU"]),
    "silu": (lambda w, x: w("Mul", w("Sigmoid", x), x), ["SiLU"]),
    "hardswish": (hardswish, ["Hardswish"]),
    "hardswish by a sigmoid": (lambda w, x: w("Mul", x, w("HardSigmoid", x, alpha=1 / 6, beta=0.5)), ["Hardswish"]),
    "mish": (lambda w, x: w("Mul", x, w("Tanh", w("Softplus", x))), ["Mish"]),
    "relu6": (lambda w, x: w("Min", w("Relu", x), 6.0), ["ReLU", "Clip"]),
    "layer norm": (layer_norm, ["LayerNorm"]),
    "shuffle": (shuffle, ["ChannelShuffle"]),
    "flatten": (shaped, ["Flatten"]),
    "resize": (resized, ["Upsample"]),
    "bias": (lambda w, x: w("Add", w("Conv", x, normal(5, 4, 3, 3)), normal(1, 5, 1, 1)), ["Conv2D"]),
    "product and bias": (
        lambda w, x: w("Add", w("MatMul", shaped(w, x), normal(120, 3)), normal(3)),
        ["Flatten", "Dense"],
    ),
    "rescale": (lambda w, x: w("Div", w("Sub", x, 0.5), 0.25), ["Rescale"]),
    "scale": (lambda w, x: w("Add", w("Mul", x, normal(4, 1, 1)), normal(4, 1, 1)), ["Scale"]),
    "a mean of images": (lambda w, x: w("ReduceMean", x, axes=[2, 3], keepdims=0), ["GlobalAvgPool2D"]),
    "twice the same": (lambda w, x: w("Add", x, x), ["Rescale"]),
    "constant minus x": (lambda w, x: w("Sub", 1.0, x), ["Rescale"]),
    "a constant divided by x": (lambda w, x: w("Div", 2.0, w("Exp", x)), ["Exp", "Reciprocal", "Rescale"]),
    "nothing": (lambda w, x: w("Identity", w("Cast", x, to=1)), ["Rescale"]),
}


@pytest.mark.parametrize("name", PATTERNS)
def test_a_pattern(name, tmp_path):
    make, types = PATTERNS[name]
    writer = Writer(4, 5, 6)
    require_same(writer, [make(writer, "x")], tmp_path / "net.onnx", types)


def test_a_bias_that_others_read_too_stays_apart(tmp_path):
    writer = Writer(4, 5, 6)
    product = writer("Conv", "x", normal(5, 4, 3, 3))
    y = writer("Add", writer("Add", product, normal(5, 1, 1)), writer("Relu", product))
    require_same(writer, [y], tmp_path / "net.onnx", ["Conv2D", "Scale", "ReLU", "Add"])


def test_one_constant_of_two_nodes_is_shared(tmp_path):
    writer = Writer(4, 5, 6)
    weight = writer.constant(normal(4, 4, 1, 1))
    y = writer("Conv", writer("Relu", writer("Conv", "x", weight)), weight)
    adopted = require_same(writer, [y], tmp_path / "net.onnx", ["Conv2D", "ReLU", "shared"])
    assert list(adopted.variables.params) == ["Conv_0"]


def test_transpositions_of_a_channels_last_network_cancel(tmp_path):
    writer = Writer(7, 8, 3)

    def convolve(value, channels):
        first = writer("Transpose", value, perm=[0, 3, 1, 2])
        y = writer("Conv", first, normal(4, channels, 3, 3), normal(4), pads=[1, 1, 1, 1])
        return writer("Transpose", y, perm=[0, 2, 3, 1])

    a = writer("Relu", convolve("x", 3))
    b = writer("Mul", convolve(a, 4), normal(4))
    y = writer("Concat", writer("Add", a, b), a, axis=3)
    writer.save(tmp_path / "net.onnx", writer("ReduceMean", y, axes=[1, 2], keepdims=1))
    x = normal(2, 7, 8, 3)
    session = onnxruntime.InferenceSession(tmp_path / "net.onnx", providers=["CPUExecutionProvider"])
    (wanted,) = session.run(None, {"x": x})
    adopted = adopt_onnx(tmp_path / "net.onnx")
    assert adopted.channels_last
    assert adopted.input_shape == (3, 7, 8)
    types = list_types(adopted.network)
    assert types.count("Transpose") == 1, types  # the samples come out channels last, as the file has them
    np.testing.assert_allclose(run_case(adopted, (x,), "numpy")[0], wanted, rtol=1e-5, atol=1e-5)


def test_several_inputs_and_outputs(tmp_path):
    writer = Writer(4, 5, 6)
    left, right = writer("Split", "x", axis=1, outputs=2)
    results = [writer("Relu", right), writer("Add", left, right)]
    require_same(writer, results, tmp_path / "net.onnx", ["Split", "ReLU", "Add"])


def test_nodes_say_what_became_of_them(tmp_path):
    writer = Writer(4, 5, 6)
    y = gelu(writer, writer("Conv", "x", normal(4, 4, 3, 3)))
    writer.save(tmp_path / "net.onnx", writer("Dropout", y))
    adopted = adopt_onnx(tmp_path / "net.onnx")
    assert adopted.nodes[0][:3] == ("Conv.0", "Conv", "0")
    assert adopted.nodes[0].result == "v0_0"
    assert [row.became for row in adopted.nodes] == ["0", "", "", "", "", "1", "2"]
    assert adopted.nodes[3].note == "part of a layer behind it"


def test_the_network_is_written_as_a_weight_file(tmp_path):
    writer = Writer(4, 5, 6)
    y = writer("Conv", "x", normal(5, 4, 3, 3), normal(5))
    writer.save(tmp_path / "net.onnx", writer("Add", writer("Relu", y), y))
    file = adopt_onnx(tmp_path / "net.onnx").to_weights()
    assert [tensor.name for tensor in file.tensors] == ["Conv_0.weight", "Conv_0.bias"]
    assert file.architecture is not None


@pytest.mark.parametrize(
    ("op", "types"), [("ReduceL1", ["Abs"]), ("ReduceL2", ["Abs"]), ("ReduceSumSquare", ["Square"])]
)
def test_a_reduction_along_no_axis_reduces_each_value_by_itself(op, types, tmp_path):
    writer = Writer(4, 5, 6, version=18)
    axes = writer.constant(np.zeros(0), np.int64)
    require_same(writer, [writer(op, "x", axes, noop_with_empty_axes=1)], tmp_path / "net.onnx", types)
