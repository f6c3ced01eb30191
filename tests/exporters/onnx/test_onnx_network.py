"""The graph of an ONNX file as it was written: nodes, attributes of every kind, declared shapes, versions, bounds."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from cnnkit.errors import WeightFileError
from cnnkit.exporters.onnx.network import network_parser, read_network
from cnnkit.exporters.onnx.network.file_network import Unreadable


def make_model(*nodes, tensors=(), **more):
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 3, None])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT16, [2, 4])
    graph = helper.make_graph(nodes, "g", [x], [y], tensors, value_info=more.pop("declared", ()))
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("own", 3)]
    return helper.make_model(graph, opset_imports=opsets, producer_name="me", producer_version="1", **more)


def read(model, tmp_path, **options):
    path = tmp_path / "net.onnx"
    path.write_bytes(model.SerializeToString())
    return read_network(path, **options)


def test_nodes_and_attributes_of_every_kind(tmp_path):
    tensor = numpy_helper.from_array(np.arange(6, dtype=np.float32).reshape(2, 3), "t")
    graph = helper.make_graph([], "inner", [], [])
    attributes = {
        "whole": -5, "real": 0.5, "text": "SAME", "wholes": [1, -2, 1 << 40], "reals": [0.25, -1.0],
        "texts": ["a", "b"], "tensor": tensor, "graph": graph,
    }  # fmt: skip
    node = helper.make_node("Own", ["x", "", "w"], ["y", "z"], name="n", domain="own", **attributes)
    network = read(make_model(node), tmp_path)
    (found,) = network.nodes
    assert found[:6] == (0, "Own", "own", "n", ("x", "", "w"), ("y", "z"))
    plain = {name: value for name, value in found.attributes.items() if name not in ("tensor", "graph")}
    assert plain == {
        "whole": -5, "real": 0.5, "text": "SAME", "wholes": (1, -2, 1 << 40), "reals": (0.25, -1.0),
        "texts": ("a", "b"),
    }  # fmt: skip
    assert found.attributes["graph"] == Unreadable("a graph")
    assert found.attributes["tensor"].read().tolist() == [[0, 1, 2], [3, 4, 5]]


def test_inputs_outputs_versions(tmp_path):
    declared = [helper.make_tensor_value_info("z", TensorProto.INT64, [])]
    function = helper.make_function("own", "F", ["a"], ["b"], [], [helper.make_opsetid("", 17)])
    weights = [numpy_helper.from_array(np.ones((2, 2), np.float32), "w")]
    model = make_model(helper.make_node("Relu", ["x"], ["y"]), tensors=weights, declared=declared, functions=[function])
    model.graph.input.append(helper.make_tensor_value_info("w", TensorProto.FLOAT, [2, 2]))  # as before IR version 4
    network = read(model, tmp_path)
    assert network.inputs == (("x", "float32", ("batch", 3, None)),)
    assert network.outputs == (("y", "float16", (2, 4)),)
    assert network.declared == {"z": ("z", "int64", ())}
    assert network.versions == {"": 17, "own": 3}
    assert network.functions == {("own", "F")}
    assert network.producer == "me 1"
    assert network.tensors["w"].read().tolist() == [[1, 1], [1, 1]]


def test_external_values_are_opened_when_asked_for(tmp_path):
    values = np.arange(300, dtype=np.float32)
    model = make_model(helper.make_node("Add", ["x", "w"], ["y"]), tensors=[numpy_helper.from_array(values, "w")])
    onnx.save_model(model, tmp_path / "net.onnx", save_as_external_data=True, location="w.bin", size_threshold=0)
    closed = read_network(tmp_path / "net.onnx").tensors["w"]
    assert "--external reads them" in closed.reason
    assert read_network(tmp_path / "net.onnx", external=True).tensors["w"].read().tolist() == values.tolist()


@pytest.mark.parametrize(
    ("bound", "what"),
    [("_MOST_NODES", "3 nodes"), ("_MOST_VALUES", "3 declared values"), ("_MOST_LINKS", "inputs and outputs of nodes")],
)
def test_counts_are_bounded(bound, what, tmp_path, monkeypatch):
    monkeypatch.setattr(network_parser, bound, 2)
    monkeypatch.delenv("CNNKIT_LIMITS", raising=False)
    declared = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in "abc"]
    nodes = [helper.make_node("Relu", ["x"], [name]) for name in "abc"]
    if bound == "_MOST_VALUES":
        nodes = []
    with pytest.raises(WeightFileError, match=f"{what}, more than 2: CNNKIT_LIMITS=10") as raised:
        read(make_model(*nodes, declared=declared), tmp_path)
    assert raised.value.kind == "too_big"


@pytest.mark.parametrize(
    ("node", "what"),
    [
        (helper.make_node("x" * 20_000, ["x"], ["y"]), "20,000 bytes in one name"),
        (helper.make_node("Relu", ["x"], ["y"], axes=list(range(70_000))), "values in one attribute"),
        (helper.make_node("Relu", ["x"], ["y"], reals=[0.5] * 70_000), "65,537 values in one attribute"),
    ],
)
def test_names_and_attributes_are_bounded(node, what, tmp_path, monkeypatch):
    monkeypatch.delenv("CNNKIT_LIMITS", raising=False)
    with pytest.raises(WeightFileError, match=f"{what}, more than"):
        read(make_model(node), tmp_path)


def test_a_declared_extent_that_none_can_have(tmp_path):
    model = make_model(helper.make_node("Relu", ["x"], ["y"]))
    model.graph.input[0].type.tensor_type.shape.dim[1].dim_value = -4
    with pytest.raises(WeightFileError, match="a declared extent of -4"):
        read(model, tmp_path)


def test_a_model_without_a_graph(tmp_path):
    with pytest.raises(WeightFileError, match="0 graphs, expected one"):
        read(onnx.ModelProto(ir_version=8), tmp_path)


@pytest.mark.parametrize("field", [b"\x10", b"\x38"])  # f and floats, as varints
def test_a_float_of_another_wire_type_is_one_line(field, tmp_path):
    broken = b"\x0a\x05alpha" + field + b"\xff" * 6 + b"\x01"
    made = helper.make_node("LeakyRelu", ["x"], ["y"]).SerializeToString()
    made += b"\x2a" + bytes([len(broken)]) + broken
    graph = b"\x0a" + bytes([len(made)]) + made
    path = tmp_path / "net.onnx"
    path.write_bytes(b"\x3a" + bytes([len(graph)]) + graph)
    with pytest.raises(WeightFileError, match="is no float32"):
        read_network(path)
