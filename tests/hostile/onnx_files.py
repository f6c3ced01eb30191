"""ONNX models that lie: fields of the wire, shapes, values, external data, functions and graphs in graphs."""

import struct
from collections.abc import Callable
from pathlib import Path

from hostile.case import Case
from hostile.making import READ, make_cases, write_secret


def varint(number: int) -> bytes:
    number &= (1 << 64) - 1
    content = bytearray()
    while number >= 0x80:
        content.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes(content + bytes((number,)))


def number(field: int, value: int) -> bytes:
    return varint(field << 3) + varint(value)


def content(field: int, value: bytes | str) -> bytes:
    data = value.encode() if isinstance(value, str) else value
    return varint(field << 3 | 2) + varint(len(data)) + data


def tensor(dims: tuple[int, ...] = (2,), kind: int = 1, name: bytes | str = "w", *parts: bytes) -> bytes:
    return b"".join(number(1, extent) for extent in dims) + number(2, kind) + content(8, name) + b"".join(parts)


def raw(size: int = 8) -> bytes:
    return content(9, bytes(size))


def node(kind: str = "MatMul", inputs: tuple[str, ...] = ("x", "w"), outputs: tuple[str, ...] = ("y",)) -> bytes:
    names = b"".join(content(1, name) for name in inputs) + b"".join(content(2, name) for name in outputs)
    return names + content(4, kind)


def model(*tensors: bytes, nodes: bytes = content(1, node()), more: bytes = b"") -> bytes:
    graph = nodes + content(2, "g") + b"".join(content(5, part) for part in tensors)
    return number(1, 8) + content(2, "someone") + content(7, graph) + content(8, number(2, 17)) + more


def outside(location: str, offset: str = "0", length: str = "8") -> bytes:
    entries = (("location", location), ("offset", offset), ("length", length))
    parts = b"".join(content(13, content(1, key) + content(2, value)) for key, value in entries)
    return model(tensor((2,), 1, "w", parts, number(14, 1)))


def nested(depth: int) -> bytes:
    """Return a node whose attribute is a graph with a node whose attribute is a graph, and so on."""
    graph = content(1, node())
    for _ in range(depth):
        graph = content(1, node() + content(5, content(1, "body") + content(6, graph) + number(20, 5)))
    return graph


def beside(location: str) -> Callable[[Path], object]:
    def write(path: Path) -> None:
        write_secret(path)
        path.write_bytes(outside(location))

    return write


CASES = (
    *make_cases(
        "weights",
        [
            ("onnx-raw-less.onnx", "fewer bytes than the shape takes", model(tensor((3,), 1, "w", raw()))),
            ("onnx-raw-more.onnx", "more bytes than the shape takes", model(tensor((1,), 1, "w", raw()))),
            ("onnx-no-values.onnx", "no values", model(tensor())),
            ("onnx-shape-product.onnx", "a product that overflows to 2", model(tensor((1 << 32, 1 << 32, 2), 1, "w",
                                                                                 raw()))),
            ("onnx-shape-negative.onnx", "a negative extent", model(tensor((-2,), 1, "w", raw()))),
            ("onnx-shape-rank.onnx", "10,000 axes", model(tensor((1,) * 10_000, 1, "w", raw(4)))),
            ("onnx-shape-huge.onnx", "2^47 values", model(tensor((1 << 47,), 1, "w", raw()))),
            ("onnx-type-unknown.onnx", "a type that is not known", model(tensor((2,), 99, "w", raw())), READ),
            ("onnx-type-0.onnx", "no type", model(tensor((2,), 0, "w", raw())), READ),
            ("onnx-type-texts.onnx", "texts", model(tensor((1,), 8, "w", content(6, "a"))), READ),
            ("onnx-name-not-utf-8.onnx", "a name that is not UTF-8", model(tensor((2,), 1, b"\xff\xfe", raw())), READ),
            ("onnx-name-control.onnx", "a name that clears the screen", model(tensor((2,), 1, "\x1b[2J", raw())), READ),
            ("onnx-name-twice.onnx", "two tensors of one name", model(tensor((2,), 1, "w", raw()),
                                                                     tensor((1,), 1, "w", raw(4))), (0, 2)),
            ("onnx-name-none.onnx", "tensors without names", model(*[tensor((2,), 1, "", raw())] * 3), (0, 2)),
            ("onnx-floats-real.onnx", "floats, of which the last is cut", model(tensor((2,), 1, "w",
                                                                                     content(4, bytes(7))))),
            ("onnx-floats-varint.onnx", "floats written as whole numbers", model(tensor((2,), 1, "w", number(4, 1),
                                                                                      number(4, 2))), (0, 2)),
            ("onnx-ints-cut.onnx", "whole numbers, of which the last is cut", model(tensor((2,), 6, "w",
                                                                                         content(5, b"\1\x80"))),
                                                                                         (0, 2)),
            ("onnx-ints-long.onnx", "a whole number of twenty bytes", model(tensor((1,), 6, "w",
                                                                                 content(5, b"\x80" * 20 + b"\1"))),
                                                                                 (0, 2)),
            ("onnx-both.onnx", "raw and typed values",
             model(tensor((2,), 1, "w", raw(), content(4, bytes(8)))), (0, 2)),
            ("onnx-field-0.onnx", "field number 0", model(tensor((2,), 1, "w", raw()), more=b"\2\1a")),
            ("onnx-wire-3.onnx", "a group", model(tensor((2,), 1, "w", raw()), more=b"\x0b")),
            ("onnx-wire-7.onnx", "wire type 7", model(tensor((2,), 1, "w", raw()), more=b"\x0f")),
            ("onnx-length.onnx", "a field longer than the file", model(tensor((2,), 1, "w", raw()),
                                                                     more=varint(7 << 3 | 2) + varint(1 << 40))),
            ("onnx-length-2-64.onnx", "a field of 2^64 - 1 bytes", model(more=varint(7 << 3 | 2) + varint(-1))),
            ("onnx-varint.onnx", "a number of eleven bytes", number(1, 8) + content(7, b"\x08" + b"\xff" * 11)),
            ("onnx-cut.onnx", "cut short", model(tensor((2,), 1, "w", raw()))[:-12]),
            ("onnx-graph-twice.onnx", "two graphs", model(tensor((2,), 1, "w", raw())) * 2, (0, 2)),
            ("onnx-graph-number.onnx", "a graph that is a number", number(1, 8) + number(7, 5)),
            ("onnx-no-graph.onnx", "no graph", number(1, 8) + content(2, "someone"), (0, 2)),
            ("onnx-tensor-number.onnx", "a tensor that is a number", number(1, 8) + content(
                7, content(1, node()) + number(5, 3))),
            ("onnx-nested-100.onnx", "100 graphs in each other",
             lambda: number(1, 8) + content(7, nested(100)), (0, 2)),
            ("onnx-nested-20000.onnx", "2,000 graphs in each other", lambda: number(1, 8) + content(7, nested(2_000)),
             (0, 2)),
            ("onnx-many-nodes.onnx", "200,000 nodes", lambda: model(tensor((2,), 1, "w", raw()), nodes=content(
                1, node()) * 200_000), (0, 2)),
            ("onnx-many-fields.onnx", "three million fields", lambda: number(1, 8) + content(7, number(9, 1)
                                                                                          * 3_000_000)),
            ("onnx-circle.onnx", "nodes in a circle", model(tensor((2,), 1, "w", raw()), nodes=content(
                1, node("Add", ("a", "w"), ("b",))) + content(1, node("Add", ("b", "w"), ("a",)))), READ),
            ("onnx-constant.onnx", "a constant that lies",
             model(nodes=content(1, node("Constant", (), ("w",)) + content(
                5, content(1, "value") + content(5, tensor((1 << 40,), 1, "w", raw())))))),
            ("onnx-sparse.onnx", "a sparse tensor of places outside", number(1, 8) + content(7, content(1, node())
                + content(15, content(1, tensor((1,), 1, "w", raw(4))) + content(2, tensor((1,), 7, "i", content(
                    9, struct.pack("<q", 1 << 40)))) + number(3, 4)))),
            ("onnx-sparse-huge.onnx", "a sparse tensor of 2^40 values", number(1, 8) + content(7, content(1, node())
                + content(15, content(1, tensor((1,), 1, "w", raw(4))) + content(2, tensor((1,), 7, "i", content(
                    9, struct.pack("<q", 1)))) + number(3, 1 << 40))), (0, 2)),
            ("onnx-own-mark.onnx", "calls itself cnnkit's own", model(tensor((2,), 1, "w", raw()), more=content(
                14, content(1, "cnnkit") + content(2, '{"tensors": [["x", 1]]}')))),
            ("onnx-own-deep.onnx", "its own description is 100,000 brackets", model(tensor((2,), 1, "w", raw()),
                more=content(14, content(1, "cnnkit") + content(2, "[" * 100_000)))),
            ("onnx-offset-negative.onnx", "external data at -1", outside("w.bin", "-1")),
            ("onnx-offset-real.onnx", "external data at 1e3", outside("w.bin", "1e3")),
            ("onnx-offset-digits.onnx", "external data at a number of 5,000 digits", outside("w.bin", "9" * 5000)),
            ("onnx-offset-arabic.onnx", "external data at an Arabic digit", outside("w.bin", "٣")),
            ("onnx-external-none.onnx", "external data of no name", outside(""), READ),
            ("onnx-external-missing.onnx", "external data that is not there", outside("none.bin"), READ),
            ("onnx-external-nul.onnx", "external data whose name ends early", outside("w.bin\0.txt"), READ),
            ("onnx-external-url.onnx", "external data on a server", outside("http://127.0.0.1:9/w.bin"), READ),
            ("onnx-external-device.onnx", "external data /dev/zero", outside("/dev/zero"), READ),
            ("onnx-external-itself.onnx", "external data in the model itself",
             outside("onnx-external-itself.onnx"), READ),
        ],
    ),
    Case("onnx-external-outside.onnx", "weights", "external data ../secret.txt", beside("../here/secret.txt"), READ),
    Case("onnx-external-absolute.onnx", "weights", "external data /etc/passwd", beside("/etc/passwd"), READ),
    Case("onnx-external-dots.onnx", "weights", "external data a/../../here/secret.txt",
         beside("a/../../here/secret.txt"), READ),
    Case("onnx-external-windows.onnx", "weights", "external data C:\\secret.txt", beside("C:\\secret.txt"), READ),
    Case("onnx-external-backslash.onnx", "weights", "external data ..\\here\\secret.txt",
         beside("..\\here\\secret.txt"), READ),
)  # fmt: skip
