"""ONNX by hand, field by field: every way to keep values, layout by node, and what is damaged or elsewhere."""

import struct

import numpy as np
import pytest

from cnnkit.errors import WeightFileError
from cnnkit.exporters import read
from cnnkit.exporters.onnx import model_proto, wire, wire_writer
from cnnkit.exporters.onnx.format import OnnxFormat
from cnnkit.exporters.onnx.wire_writer import Message

ONNX = OnnxFormat()


def tensor(name, dims, kind, field=9, content=b""):
    message = Message()
    for extent in dims:
        message.number(1, extent)
    message.number(2, kind).content(8, name)
    return message.content(field, content) if content is not None else message


def floats(name, *dims):
    return tensor(name, dims, 1, 9, np.arange(np.prod(dims, dtype=int), dtype="<f4").tobytes())


def node(op, inputs, outputs, **attributes):
    message = Message()
    for name in inputs:
        message.content(1, name)
    for name in outputs:
        message.content(2, name)
    message.content(4, op)
    for name, value in attributes.items():
        inner = Message().content(1, name)
        message.message(5, inner.number(3, value) if isinstance(value, int) else inner.message(value[0], value[1]))
    return message


def graph(nodes=(), initializers=(), inputs=()):
    message = Message()
    for item in nodes:
        message.message(1, item)
    for item in initializers:
        message.message(5, item)
    for name in inputs:
        message.message(11, Message().content(1, name))
    return message.content(2, "net")


def model(inner, version=8):
    return (
        Message()
        .number(1, version)
        .content(2, "hand")
        .message(7, inner)
        .message(8, Message().content(1, "").number(2, 17))
    )


@pytest.fixture
def save(tmp_path):
    def save(message):
        path = tmp_path / "net"
        with path.open("wb") as stream:
            stream.write(message) if isinstance(message, bytes) else message.write(stream)
        return path

    return save


def varints(*values):
    return b"".join(wire_writer.encode_varint(value & 0xFFFFFFFFFFFFFFFF) for value in values)


@pytest.mark.parametrize(
    ("kind", "field", "content", "dtype", "values"),
    [
        (1, 9, struct.pack("<2f", 1.5, -0.0), "float32", [1.5, -0.0]),
        (1, 4, struct.pack("<2f", 1.5, 2.5), "float32", [1.5, 2.5]),
        (11, 10, struct.pack("<2d", 1e300, 2), "float64", [1e300, 2]),
        (7, 7, varints(-1, 1 << 40), "int64", [-1, 1 << 40]),
        (6, 5, varints(-5, 300), "int32", [-5, 300]),
        (3, 5, varints(-5, 127), "int8", [-5, 127]),
        (9, 5, varints(1, 0), "bool", [True, False]),
        (10, 5, varints(0x3C00, 0xC000), "float16", [1, -2]),
        (16, 5, varints(0x3F80, 0xC000), "bfloat16", [0x3F80, 0xC000]),
        (13, 11, varints((1 << 64) - 1, 3), "uint64", [(1 << 64) - 1, 3]),
        (2, 9, b"\x07\xff", "uint8", [7, 255]),
        (17, 9, b"\x07\xff", "float8_e4m3fn", [7, 255]),
        (14, 4, struct.pack("<4f", 1, 2, 3, 4), "complex64", [1 + 2j, 3 + 4j]),
    ],
)
def test_every_way_to_keep_values(save, kind, field, content, dtype, values):
    weights = read(save(model(graph(initializers=[tensor("x", [2], kind, field, content)]))))
    assert (weights.format, weights["x"].dtype, weights["x"].shape) == ("onnx", dtype, (2,))
    assert weights["x"].read().tolist() == values


def test_values_one_by_one_and_dims_packed(save):
    loose = Message().content(1, varints(3)).number(2, 1).content(8, "a").real(4, 1.5).real(4, 2.5).real(4, -1)
    whole = Message().number(1, 2).number(2, 7).content(8, "b").number(7, 5).content(7, varints(-6))
    scalar = tensor("c", [], 1, 9, struct.pack("<f", 7))
    empty = tensor("d", [0, 3], 1, None, None)
    weights = read(save(model(graph(initializers=[loose, whole, scalar, empty]))))
    assert [tensor.read().tolist() for tensor in weights] == [[1.5, 2.5, -1], [5, -6], 7, []]


def test_the_node_tells_the_layout_and_the_order(save):
    nodes = [
        node("Conv", ["x", "c.w", "c.b"], ["1"]),
        node("BatchNormalization", ["1", "n.s", "n.o", "n.m", "n.v"], ["2"]),
        node("ConvTranspose", ["2", "t.w"], ["3"]),
        node("Reshape", ["3", "shape"], ["4"]),
        node("Gemm", ["4", "square.w", "square.b"], ["5"], transB=1),
        node("Gemm", ["5", "turned"], ["6"]),
        node("Cast", ["half"], ["half32"]),
        node("MatMul", ["6", "half32"], ["7"]),
        node("Add", ["7", "plus"], ["8"]),
        node("Mul", ["8", "factor"], ["9"]),
        node("Gather", ["words", "9"], ["10"]),
    ]
    held = [
        *(floats("words", 9, 2), floats("factor", 4), floats("plus", 4), floats("half", 4, 4), floats("turned", 3, 4)),
        *(
            floats("square.b", 3),
            floats("square.w", 3, 3),
            floats("t.w", 2, 1, 3, 3),
            tensor("shape", [1], 7, 7, b"\3"),
        ),
        *(floats(f"n.{n}", 2) for n in "vmos"),
        *(floats("c.b", 2), floats("c.w", 2, 1, 5, 5), floats("unused", 3)),
    ]
    weights = read(save(model(graph(nodes, held, ["x", "c.w"]), version=3)))
    assert [(t.name, t.layer, t.kind, t.role, t.axes) for t in weights] == [
        ("c.w", "c", "parameter", "weight", ("o", "i", "kh", "kw")),
        ("c.b", "c", "parameter", "bias", ("o",)),
        ("n.s", "n", "parameter", "gamma", ("c",)),
        ("n.o", "n", "parameter", "beta", ("c",)),
        ("n.m", "n", "state", "mean", ("c",)),
        ("n.v", "n", "state", "variance", ("c",)),
        ("t.w", "t", "parameter", "weight", ("i", "o", "kh", "kw")),
        ("shape", "shape", "other", "other", ("0",)),
        ("square.w", "square", "parameter", "weight", ("out", "in")),
        ("square.b", "square", "parameter", "bias", ("out",)),
        ("turned", "turned", "parameter", "weight", ("in", "out")),
        ("half", "half", "parameter", "weight", ("in", "out")),
        ("plus", "plus", "parameter", "bias", ("out",)),
        ("factor", "factor", "parameter", "other", ("0",)),
        ("words", "words", "parameter", "embedding", ("vocab", "dim")),
        ("unused", "unused", "parameter", "other", ("0",)),
    ]
    about = weights.metadata["onnx"]
    assert (about["ir_version"], about["inputs"], about["opsets"]) == (3, ["x"], {"": 17})


def test_constants_and_graphs_inside_nodes(save):
    inner = graph([node("Constant", [], ["k"], value=(5, floats("", 2)))], [floats("w", 1)])
    nodes = [node("Constant", [], ["m"], value=(5, floats("", 3, 2))), node("MatMul", ["x", "m"], ["y"])]
    nodes.append(node("If", ["y"], ["z"], then_branch=(6, inner)))
    weights = read(save(model(graph(nodes))))
    assert [(t.name, t.kind, t.role) for t in weights] == [
        ("m", "parameter", "weight"),
        ("If_2.0.w", "parameter", "other"),
        ("If_2.0.k", "other", "other"),
    ]


def test_what_lies_elsewhere_is_listed_and_not_opened(save, tmp_path):
    (tmp_path / "data.bin").write_bytes(bytes(12))
    away = tensor("away", [3], 1, None, None).message(13, Message().content(1, "location").content(2, "data.bin"))
    away.message(13, Message().content(1, "length").content(2, "12")).number(14, 1)
    tiny, words = tensor("tiny", [4], 22, 9, b"\1\2"), tensor("words", [1], 8, 6, b"text")
    message = graph(initializers=[away, tiny, words, floats("here", 1)])
    weights = read(save(model(message).message(20, Message())))
    assert [tensor.name for tensor in weights] == ["here"]
    assert {item.what: item.reason for item in weights.not_read} == {
        "graphs of a training": "only the network is read",
        "away (3,)": "its values lie in data.bin: --external reads them",
        "tiny (4,)": "element type int4 is not read",
        "words (1,)": "element type texts is not read",
    }


def nested(depth):
    inner = graph()
    for _ in range(depth):
        inner = graph([node("If", [], [], then_branch=(6, inner))])
    return model(inner)


def deep(levels):
    """Messages inside messages, each a few bytes: what a naive parser recurses into."""
    content = b""
    for _ in range(levels):
        content = b"\x0a" + varints(len(content)) + content
    return content


def with_graph(content):
    return b"\x08\x08\x12\x01h\x3a" + varints(len(content)) + content


@pytest.mark.parametrize(
    ("content", "kind", "message"),
    [
        (model(graph(initializers=[tensor("x", [3], 1, 9, bytes(8))])), "unreadable", "with 8 bytes of values"),
        (model(graph(initializers=[tensor("x", [1 << 40], 1, 9, bytes(8))])), "unreadable", "with 8 bytes of values"),
        (model(graph(initializers=[tensor("x", [1 << 30, 1 << 30], 7, 7, b"\1")])), "unreadable", "with 1 bytes"),
        (model(graph(initializers=[tensor("x", [-1], 1, 9, b"")])), "unreadable", r"tensor of shape \[-1\]"),
        (model(graph(initializers=[tensor("x", [1] * 40, 1, 9, bytes(4))])), "unreadable", "tensor of shape"),
        (model(graph(initializers=[floats("x", 1), floats("x", 1)])), "unreadable", "parameter x occurs twice"),
        (with_graph(b"\x0a\xff\xff\xff\xff\x0f"), "unreadable", "field 1 of 4294967295 bytes where 0 are left"),
        (with_graph(b"\x2a\x80"), "unreadable", "a number is cut"),
        (with_graph(b"\x2a" + b"\xff" * 11 + b"\0"), "unreadable", "a number of more than ten bytes"),
        (with_graph(b"\x0a\x02\x0b\x0c"), "unreadable", "wire type 3"),
        (with_graph(b"\x12\x01n\x02\x00"), "unreadable", "field number 0"),
        (with_graph(b"\x12\x01n\x28\x00"), "unreadable", "field 5 is not a tensor"),
        (with_graph(b"\x12\x01n\x08\x00"), "unreadable", "field 1 is not a message"),
        (model(graph()).message(7, graph()), "unreadable", "2 graphs, expected one"),
        (nested(20), "too_big", "graphs nested deeper than 16"),
        (with_graph(b"\x12\x01n\x0a" + varints(200_000) + b"\x0a\0" * 100_000), "too_big", "fields, more than 10,000"),
    ],
)
def test_damage_is_one_line_and_quick(save, assert_refused, monkeypatch, content, kind, message):
    monkeypatch.setattr(wire, "_MOST_FIELDS", 10_000)
    assert_refused(save(content), kind, message)


def test_values_that_are_fewer_than_declared_are_found_when_they_are_read(save):
    weights = read(save(model(graph(initializers=[tensor("x", [3], 6, 5, varints(300, 300))]))))
    with pytest.raises(WeightFileError, match="with 2 values"):
        weights["x"].read()


def test_nesting_without_end_is_no_recursion(save):
    assert len(read(save(with_graph(b"\x12\x01n" + deep(3000))))) == 0


def test_a_file_cut_anywhere_is_one_line(save):
    nodes = [node("Conv", ["x", "w", "b"], ["y"])]
    path = save(model(graph(nodes, [floats("w", 4, 1, 3, 3), floats("b", 4)])))
    data = path.read_bytes()
    lines = []
    for size in range(40, len(data)):
        path.write_bytes(data[:size])
        try:
            assert len(ONNX.read(path)) == 2
        except WeightFileError as error:
            lines.append(str(error))
    assert len(lines) > len(data) - 60  # the graph is the last part but for a few bytes
    assert not any("\n" in line for line in lines)


def test_a_file_replaced_after_the_list(save):
    path = save(model(graph(initializers=[floats("x", 4)])))
    weights = read(path)
    path.write_bytes(bytes(100))
    with pytest.raises(WeightFileError, match="changed since it was listed"):
        weights["x"].read()


@pytest.mark.parametrize(
    ("head", "known"),
    [
        (b"\x08\x08\x12\x01h\x3a\x04\x0a\x02", True),
        (b"\x08\x08\x3a\x04\x2a\x02", True),
        (b"\x08\x08\x12\x01h\x3a\x00", False),
        (b"\x08\x08\x12\x01h", False),
        (b"\x08\x00\x3a\x04\x2a\x02", False),
        (b"\x12\x01h\x08\x08\x3a\x04\x2a\x02", False),
        (b"\x08\x08hello", False),
        (b"\x08" + b"\xff" * 20, False),
        (b"", False),
    ],
)
def test_recognised_by_its_first_fields(tmp_path, head, known):
    assert ONNX.recognises(tmp_path / "x", head) is known
    assert model_proto.looks_like_model(head) is known
