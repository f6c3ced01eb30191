"""Weights outside of initializers: attributes of operations, sparse tensors, functions, graphs inside nodes."""

import struct

import numpy as np
import pytest

from cnnkit.errors import WeightFileError
from cnnkit.exporters import read
from cnnkit.exporters.onnx import sparse_tensor
from cnnkit.exporters.onnx.wire_writer import Message, encode_varint


def tensor(name, dims, kind, values):
    message = Message()
    for extent in dims:
        message.number(1, extent)
    return message.number(2, kind).content(8, name).content(9, values.tobytes())


def floats(name, *dims):
    return tensor(name, dims, 1, np.arange(np.prod(dims, dtype=int), dtype="<f4"))


def node(op, inputs=(), outputs=(), domain="", attributes=()):
    message = Message()
    for name in inputs:
        message.content(1, name)
    for name in outputs:
        message.content(2, name)
    message.content(4, op).content(7, domain)
    for attribute in attributes:
        message.message(5, attribute)
    return message


def attribute(name):
    return Message().content(1, name)


def graph(nodes=(), initializers=(), sparse=()):
    message = Message().content(2, "g")
    for number, items in ((1, nodes), (5, initializers), (15, sparse)):
        for item in items:
            message.message(number, item)
    return message


@pytest.fixture
def load(tmp_path):
    def load(inner, *functions):
        message = Message().number(1, 8).message(7, inner)
        for function in functions:
            message.message(25, function)
        with (tmp_path / "net").open("wb") as stream:
            message.write(stream)
        return read(tmp_path / "net")

    return load


def show(weights):
    return [(t.name, t.layer, t.kind, t.role, t.dtype, t.read().tolist()) for t in weights]


def test_the_coefficients_of_classic_models_are_tensors(load):
    """The lists are written number by number, as protocol buffers 2 does, and packed, as version 3 does."""
    loose = attribute("coefficients").real(7, 1.5).real(7, -2.5).real(7, 4)
    packed = attribute("intercepts").content(7, struct.pack("<2f", 0.5, 0.25))
    labels = attribute("classlabels_ints").number(8, 3).content(8, encode_varint(300) + encode_varint(2**64 - 1))
    one = attribute("multi_class").number(3, 1)
    weights = load(graph([node("LinearClassifier", ["x"], ["y"], "ai.onnx.ml", [labels, loose, packed, one])]))
    assert show(weights) == [
        ("LinearClassifier_0.classlabels_ints", "LinearClassifier_0", "other", "other", "int64", [3, 300, -1]),
        ("LinearClassifier_0.coefficients", "LinearClassifier_0", "parameter", "weight", "float32", [1.5, -2.5, 4]),
        ("LinearClassifier_0.intercepts", "LinearClassifier_0", "parameter", "bias", "float32", [0.5, 0.25]),
    ]
    assert weights.not_read == ()


def test_long_lists_are_read_over_the_edges_of_blocks(load):
    """A list of 64 KiB and more, of numbers of one to ten bytes, with another field in between."""
    rng = np.random.default_rng(0)
    reals = rng.normal(size=30_000).astype("<f4")
    integers = (rng.integers(0, 2, 30_000) * rng.integers(0, 1 << 62, 30_000) >> rng.integers(0, 60, 30_000)).tolist()
    one, two = attribute("nodes_values"), attribute("nodes_featureids")
    for value in reals[:20_000]:
        one.real(7, float(value))
    one.number(20, 6)
    for value in reals[20_000:]:
        one.real(7, float(value))
    for value in integers:
        two.number(8, value)
    weights = load(graph([node("TreeEnsembleClassifier", [], [], "ai.onnx.ml", [one, two])]))
    assert weights["TreeEnsembleClassifier_0.nodes_values"].read().tobytes() == reals.tobytes()
    assert weights["TreeEnsembleClassifier_0.nodes_featureids"].read().tolist() == integers


def test_settings_of_other_operations_are_no_tensors_but_their_lists_of_reals_are(load):
    strides = attribute("strides").number(8, 2).number(8, 2)
    scales = attribute("scales").real(7, 2).real(7, 2)
    held = attribute("held").message(5, floats("inner", 2))
    weights = load(graph([node("Conv", ["x", "w"], ["y"], "", [strides, scales, held])], [floats("w", 1, 1, 2, 2)]))
    assert [(t.name, t.kind) for t in weights] == [
        ("w", "parameter"),
        ("Conv_0.scales", "other"),
        ("Conv_0.held", "other"),
    ]


def test_names_that_occur_twice_are_told_apart(load):
    """Nodes need no names, nor names of their own; a list of tensors is one attribute."""
    several = Message().content(1, "several").message(10, floats("", 1)).message(10, floats("", 1))
    one = Message().content(1, "one").message(5, floats("", 1))
    nodes = [node("A", [], [], "", [several]), *(node("B", [], [], "", [one]).content(3, "same") for _ in range(2))]
    weights = load(graph(nodes))
    assert [t.name for t in weights] == ["A_0.several.0", "A_0.several.1", "same_1.one", "same_2.one"]


@pytest.mark.parametrize(
    ("value", "dtype", "values"),
    [
        (attribute("value_float").real(2, 1.5), "float32", 1.5),
        (attribute("value_floats").real(7, 1.5).real(7, 2), "float32", [1.5, 2]),
        (attribute("value_int").number(3, 2**64 - 7), "int64", -7),
        (attribute("value_ints").number(8, 4).number(8, 5), "int64", [4, 5]),
        (attribute("value").message(5, floats("", 2)), "float32", [0, 1]),
        (Message().message(5, floats("", 2)).content(1, "value"), "float32", [0, 1]),  # the name may come last
    ],
)
def test_every_value_of_a_constant_is_a_tensor(load, value, dtype, values):
    weights = load(graph([node("Constant", [], ["k"], "", [value])]))
    assert show(weights) == [("k", "k", "other", "other", dtype, values)]


def test_texts_of_constants_are_listed(load):
    words = attribute("value_strings").content(9, "a").content(9, "b")
    weights = load(graph([node("Constant", [], ["k"], "", [words])], [floats("w", 1)]))
    assert [(item.what, item.count, item.reason) for item in weights.not_read] == [
        ("constants", 2, "element type texts is not read")
    ]


def sparse(name, values, places, dims, shape=None):
    places = np.array(places, "<i8")
    message = Message().message(1, tensor(name, [len(values)], 1, np.array(values, "<f4")))
    message.message(2, tensor("", shape or places.shape, 7, places))
    for extent in dims:
        message.number(3, extent)
    return message


def test_sparse_tensors_are_read_as_the_arrays_that_they_stand_for(load):
    one, two = sparse("a", [1, 2.5], [1, 5], [2, 3]), sparse("b", [7], [[1, 0]], [2, 2])
    constant = node("Constant", [], ["c"], "", [attribute("sparse_value").message(22, sparse("", [3], [2], [3]))])
    weights = load(graph([constant], [], [one, two]))
    assert {t.name: t.read().tolist() for t in weights} == {
        "a": [[0, 1, 0], [0, 0, 2.5]],
        "b": [[0, 0], [7, 0]],
        "c": [0, 0, 3],
    }


@pytest.mark.parametrize(
    ("tensor", "reason"),
    [
        (sparse("a", [1], [0], [1 << 20, 1 << 20]), "takes 4398046511104 bytes, with 1 of 1099511627776 values"),
        (sparse("a", [1], [0, 1], [4]), r"with int64 (2,) as the places of 1 values"),
    ],
)
def test_sparse_tensors_that_are_too_large_or_odd_are_listed(load, tensor, reason):
    weights = load(graph([], [floats("w", 1)], [tensor]))
    assert [t.name for t in weights] == ["w"]
    assert reason in weights.not_read[0].reason


@pytest.mark.parametrize("place", [-1, 4, 1 << 62])
def test_places_outside_of_a_sparse_tensor_are_damage(load, place):
    with pytest.raises(WeightFileError, match=r"a place outside of shape \(4,\)"):
        load(graph([], [], [sparse("a", [1], [place], [4])]))["a"].read()


def test_a_sparse_tensor_needs_values_places_and_a_shape_that_can_be(load, monkeypatch):
    with pytest.raises(WeightFileError, match="without values or places"):
        load(graph([], [], [Message().number(3, 1)]))
    with pytest.raises(WeightFileError, match="a sparse tensor: expected a shape of whole numbers"):
        load(graph([], [], [sparse("a", [1], [0], [-4])]))
    monkeypatch.setattr(sparse_tensor, "_FREE_BYTES", 100)
    assert len(load(graph([], [], [sparse("a", [1], [0], [800])]))) == 1  # 100 bytes per byte stored


def test_functions_and_inner_graphs(load):
    constant = node("Constant", [], ["k"], "", [attribute("value_float").real(2, 3)])
    function = Message().content(1, "F").content(4, "x").content(5, "y").message(7, constant)
    inner = graph([node("MatMul", ["x", "outer"], ["z"])])
    branch = node("If", ["c"], ["y"], "", [attribute("then_branch").message(6, inner)])
    weights = load(graph([branch], [floats("outer", 2, 3)]), function)
    assert [(t.name, t.role, t.axes) for t in weights] == [
        ("outer", "weight", ("in", "out")),
        ("F.k", "other", ()),
    ]
