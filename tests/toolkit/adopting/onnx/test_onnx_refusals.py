"""What cannot be adopted is one line: the file, the node and its operator, and why."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from cnnkit.adopting.onnx import adopt_onnx
from cnnkit.errors import WeightFileError

FLOAT = TensorProto.FLOAT


def save(path, nodes, weights=(), *, x=("n", 3, 8, 8), y=None, version=17, kind=FLOAT, functions=(), declared=()):
    """Write a model with an input x and an output y; `weights` are {name: array}."""
    inputs = [helper.make_tensor_value_info("x", kind, x)] if x != () else []
    outputs = [helper.make_tensor_value_info("y", FLOAT, y)]
    tensors = [numpy_helper.from_array(np.asarray(array), name) for name, array in dict(weights).items()]
    graph = helper.make_graph(nodes, "g", inputs, outputs, tensors, value_info=list(declared))
    imports = [helper.make_opsetid("", version), helper.make_opsetid("com.microsoft", 1)]
    model = helper.make_model(graph, opset_imports=imports, functions=list(functions))
    path.write_bytes(model.SerializeToString())
    return path


def node(op, inputs="x", outputs="y", name="a", **attributes):
    return helper.make_node(op, inputs.split(), outputs.split(), name=name, **attributes)


def ones(*shape):
    return np.ones(shape, np.float32)


THEN = helper.make_graph([node("Relu", "x", "z")], "t", [], [helper.make_tensor_value_info("z", FLOAT, None)])
CONV = {"w": ones(4, 3, 3, 3)}
REFUSED = {
    "unknown": (
        [node("ConvInteger", "x w")],
        CONV,
        {},
        r"node a \(ConvInteger\): cnnkit has no such operation: it holds a",
    ),
    "another domain": (
        [node("FusedConv", "x w", domain="com.microsoft")],
        CONV,
        {},
        r"node a \(com\.microsoft\.FusedConv\): cnnkit has no",
    ),
    "a graph inside": (
        [node("If", "x", then_branch=THEN, else_branch=THEN)],
        {},
        {},
        r"\(If\): holds a graph of its own",
    ),
    "a cycle": (
        [node("Add", "x z"), node("Relu", "y", "z", "b")],
        {},
        {},
        r"node a \(Add\): reads what it gives itself",
    ),
    "nothing gives it": ([node("Add", "x q")], {}, {}, r"node a \(Add\): reads q, which nothing gives"),
    "two give it": (
        [node("Relu"), node("Tanh", name="b")],
        {},
        {},
        r"node b \(Tanh\): gives y, which something else gives",
    ),
    "no such output": ([node("Relu", "x", "z")], {}, {}, r"output y: no node gives it"),
    "no input": ([node("Relu", "w")], {"w": ones(2, 2)}, {"x": ()}, "a network without an input"),
    "a constant output": ([node("Relu", "w")], {"w": ones(2, 2)}, {}, r"output y: is the same for all samples"),
    "an old version": ([node("Relu")], {}, {"version": 6}, r"operator set 6, where cnnkit knows those from 7 to 28"),
    "a version to come": ([node("Relu")], {}, {"version": 99}, r"operator set 99, where"),
    "an open shape": ([node("Relu")], {}, {"x": ("n", 3, "h", 8)}, r"input x: axis 2 is h, where layers need a number"),
    "no batch": ([node("Relu")], {}, {"x": (4,)}, r"input x: expected the axis of the batch and at least one more"),
    "whole numbers": (
        [node("Relu")],
        {},
        {"kind": TensorProto.INT64},
        r"input x: of type int64, where layers compute in floats",
    ),
    "weights that do not fit": (
        [node("Conv", "x w")],
        {"w": ones(4, 5, 3, 3)},
        {},
        r"node a \(Conv\): weight: expected a constant of shape",
    ),
    "weights of one axis": ([node("Conv", "x w")], {"w": ones(4)}, {}, r"node a \(Conv\): weights of shape \(4,\)"),
    "weights of whole numbers": (
        [node("Conv", "x w")],
        {"w": np.ones((4, 3, 3, 3), np.int32)},
        {},
        r"weight: expected floats, got int32",
    ),
    "pads too many": ([node("Conv", "x w", pads=[1, 1])], CONV, {}, r"pads: expected 4 whole numbers >= 0"),
    "pads below 0": ([node("Conv", "x w", pads=[1, 1, 1, -1])], CONV, {}, r"pads: expected 4 whole numbers >= 0"),
    "an attribute of another kind": (
        [node("Conv", "x w", group="one")],
        CONV,
        {},
        r"attribute group: expected a whole number",
    ),
    "groups that do not divide": ([node("Conv", "x w", group=2)], CONV, {}, r"node a \(Conv\): "),
    "a declared shape": (
        [node("Conv", "x w", "z"), node("Relu", "z", name="b")],
        CONV,
        {"declared": [helper.make_tensor_value_info("z", FLOAT, ("n", 4, 7, 7))]},
        r"node a \(Conv\): gives samples of shape \(4, 6, 6\), where the file declares \(n, 4, 7, 7\)",
    ),
    "a declared output": (
        [node("Relu")],
        {},
        {"y": ("n", 3, 8, 9)},
        r"output y: computed with samples of shape \(3, 8, 8\)",
    ),
    "a mixed batch": (
        [node("Reshape", "x s")],
        {"s": np.array([-1, 8])},
        {},
        r"\(Reshape\): gives shape \(-1, 8\).*mixes or moves",
    ),
    "a moved batch": ([node("Transpose", perm=[1, 0, 2, 3])], {}, {}, r"mixes the batch with other axes, or moves it"),
    "a reduced batch": ([node("ReduceMean", axes=[0])], {}, {}, r"works along the axis of the batch"),
    "a cut batch": (
        [node("Slice", "x s e a")],
        {"s": np.array([1]), "e": np.array([9]), "a": np.array([0])},
        {},
        "takes a part of the batch",
    ),
    "attention": ([node("MatMul", "x x")], {}, {}, r"cnnkit has no product of two activations \(attention\)"),
    "a lone Erf": ([node("Erf")], {}, {}, r"node a \(Erf\): cnnkit has it as a part of GELU alone"),
    "training": (
        [node("BatchNormalization", "x v v v v", training_mode=1)],
        {"v": ones(3)},
        {},
        r"computes the statistics of its batch",
    ),
    "indices": ([node("MaxPool", "x", "z y", kernel_shape=[2, 2])], {}, {}, "gives the places of the maxima"),
    "a huge image": (
        [node("Pad", "x p")],
        {"p": np.array([0, 0, 0, 0, 0, 0, 1 << 40, 0])},
        {},
        r"gives samples of shape \(3, 1099511627784, 8\)",
    ),
    "a constant of each sample": (
        [node("Add", "x w")],
        {"w": np.arange(384, dtype=np.float32).reshape(2, 3, 8, 8)},
        {},
        "from sample to sample",
    ),
    "many constants": (
        [node("ConstantOfShape", "s", "c"), node("Exp", "c", "e"), node("Add", "x e")],
        {"s": np.array([1 << 20, 1 << 20])},
        {},
        "computes more constants than a network of this size needs",
    ),
    "a shape of too many": (
        [node("ConstantOfShape", "s", "c"), node("Add", "x c")],
        {"s": np.full(20, 1 << 40)},
        {},
        "do not fit",
    ),
    "division by zero": (
        [node("Div", "s z", "d"), node("Reshape", "x d")],
        {"s": np.array([1, 3]), "z": np.array([0, 1])},
        {},
        "divides by zero",
    ),
    "a place outside": ([node("Gather", "x i", axis=1)], {"i": np.array(3)}, {}, r"picks values at \[3\] of 3"),
    "a text as a constant": (
        [node("Constant", "", "c", value_string="a"), node("Add", "x c")],
        {},
        {},
        "its value is a text",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_refusal_is_one_line(case, tmp_path):
    nodes, weights, more, expected = REFUSED[case]
    path = save(tmp_path / "net.onnx", nodes, weights, **more)
    with pytest.raises(WeightFileError, match=expected) as raised:
        adopt_onnx(path)
    message = str(raised.value)
    assert "\n" not in message
    assert len(message) < 700
    assert message.startswith(f"{path}: ")
    assert raised.value.format == "onnx"


def test_functions_of_the_model_are_not_followed(tmp_path):
    function = helper.make_function("own", "F", ["a"], ["b"], [node("Relu", "a", "b")], [helper.make_opsetid("", 17)])
    path = save(tmp_path / "net.onnx", [node("F", domain="own")], functions=[function])
    with pytest.raises(WeightFileError, match=r"node a \(own\.F\): is a function of the model's own"):
        adopt_onnx(path)


def test_what_no_output_needs_may_be_anything(tmp_path):
    nodes = [node("Relu"), node("NonMaxSuppression", "x x", "z", "b"), node("If", "x", "q", "c", then_branch=THEN)]
    adopted = adopt_onnx(save(tmp_path / "net.onnx", nodes))
    assert [row.note for row in adopted.nodes] == ["", "no output needs it", "no output needs it"]


def test_names_of_a_file_are_made_printable(tmp_path):
    path = save(tmp_path / "net.onnx", [node("Bad\x1b[31m", name="\x1b]0;title\x07")])
    with pytest.raises(
        WeightFileError, match=r"node \\x1b\]0;title\\x07 \(Bad\\x1b\[31m\): cnnkit has no such operation"
    ):
        adopt_onnx(path)


def test_values_in_another_file_are_read_when_asked_for(tmp_path):
    path = save(
        tmp_path / "net.onnx", [node("Conv", "x w")], {"w": np.arange(108, dtype=np.float32).reshape(4, 3, 3, 3)}
    )
    model = onnx.load(path)
    onnx.save_model(model, path, save_as_external_data=True, location="w.bin", size_threshold=0)
    with pytest.raises(WeightFileError, match=r"node a \(Conv\): tensor w: its values lie in w\.bin: --external reads"):
        adopt_onnx(path)
    adopted = adopt_onnx(path, external=True)
    assert adopted.variables.params["0"]["weight"].reshape(-1).tolist() == list(range(108))


@pytest.mark.parametrize("location", ["../w.bin", "/etc/passwd", "C:\\w.bin"])
def test_values_outside_of_the_folder_are_not_read(location, tmp_path):
    path = save(tmp_path / "net.onnx", [node("Conv", "x w")], CONV)
    model = onnx.load(path)
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=location)
    path.write_bytes(model.SerializeToString())
    with pytest.raises(WeightFileError, match="is not a path inside the folder: not opened"):
        adopt_onnx(path, external=True)


@pytest.mark.parametrize("what", ["missing", "folder", "empty", "text", "cut"])
def test_what_is_no_model_is_one_line(what, tmp_path):
    path = tmp_path / "net.onnx"
    whole = save(tmp_path / "whole.onnx", [node("Conv", "x w")], CONV).read_bytes()
    if what == "folder":
        path.mkdir()
    elif what != "missing":
        path.write_bytes({"empty": b"", "text": b"not a model at all", "cut": whole[:-60]}[what])
    with pytest.raises(WeightFileError) as raised:
        adopt_onnx(path)
    assert "\n" not in str(raised.value)


def test_mutants_of_a_model_are_adopted_or_refused(tmp_path):
    nodes = [node("Conv", "x w", "c"), node("Relu", "c", "r", "b"), node("Reshape", "r s", "y", "d")]
    whole = save(tmp_path / "whole.onnx", nodes, CONV | {"s": np.array([0, -1])}).read_bytes()
    rng, path = np.random.default_rng(5), tmp_path / "net.onnx"
    refused = 0
    with np.errstate(all="ignore"):
        for _ in range(400):
            data = bytearray(whole)
            for place in rng.integers(0, len(data), rng.integers(1, 4)):
                data[place] = rng.integers(0, 256)
            path.write_bytes(data)
            try:
                adopt_onnx(path)
            except WeightFileError as error:
                refused += "\n" not in str(error)
    assert refused > 100
