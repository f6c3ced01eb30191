"""Models of TensorFlow Lite with offsets, lengths and indices that lie; FlatBuffers written by hand."""

import struct
from collections.abc import Callable

from hostile.making import READ, make_cases

F4 = struct.pack("<2f", 1, 2)


class Buffer:
    """A FlatBuffer that grows from its begin: what is referred to is written behind, and its place filled in."""

    def __init__(self) -> None:
        self.data = bytearray(struct.pack("<I4s", 0, b"TFL3"))

    def table(self, **fields: bytes | None) -> tuple[int, dict[str, int]]:
        """Write a table; fields f0, f1, ... of bytes. Return its place and that of each field."""
        count = max((int(name[1:]) for name in fields), default=-1) + 1
        offsets, body = [0] * count, bytearray(4)
        for name, value in fields.items():
            assert value is not None
            body += bytes(-len(body) % len(value))
            offsets[int(name[1:])] = len(body)
            body += value
        self._align()
        vtable = len(self.data)
        self.data += struct.pack(f"<{2 + count}H", 4 + 2 * count, len(body), *offsets)
        self._align()
        place = len(self.data)
        body[:4] = struct.pack("<i", place - vtable)
        self.data += body
        return place, {name: place + offsets[int(name[1:])] for name in fields}

    def vector(self, items: bytes, count: int, claimed: int | None = None) -> int:
        self._align()
        place = len(self.data)
        self.data += struct.pack("<I", count if claimed is None else claimed) + items
        return place

    def refer(self, field: int, target: int) -> None:
        self.data[field : field + 4] = struct.pack("<I", (target - field) & 0xFFFFFFFF)

    def _align(self) -> None:
        self.data += bytes(-len(self.data) % 8)


REF = bytes(4)


def build(
    *,
    version: int = 3, shape: tuple[int, ...] = (2,), claimed: int | None = None, kind: int = 0, index: int = 1,
    data: bytes = F4, data_claimed: int | None = None, name: bytes = b"w", name_claimed: int | None = None,
    code: int = 0, inputs: tuple[int, ...] = (0,), graphs: int = 1,
) -> tuple[Buffer, dict[str, int]]:  # fmt: skip
    """Return a model of one tensor and one operator, and where its offsets lie."""
    made = Buffer()
    root, at = made.table(f0=struct.pack("<I", version), f1=REF, f2=REF, f3=REF, f4=REF)
    made.refer(0, root)
    codes = made.vector(REF, 1)
    made.refer(at["f1"], codes)
    operator_code, _ = made.table(f0=struct.pack("<b", 3))
    made.refer(codes + 4, operator_code)
    listed = made.vector(REF * graphs, graphs)
    made.refer(at["f2"], listed)
    graph, inside = made.table(f0=REF, f1=REF, f2=REF, f3=REF, f4=REF)
    for number in range(graphs):
        made.refer(listed + 4 + 4 * number, graph)
    made.refer(at["f3"], made.vector(b"hi\0", 2))
    buffers = made.vector(REF * 2, 2)
    made.refer(at["f4"], buffers)
    made.refer(buffers + 4, made.table()[0])
    full, stored = made.table(f0=REF)
    made.refer(buffers + 8, full)
    made.refer(stored["f0"], made.vector(data, len(data), data_claimed))
    tensors = made.vector(REF, 1)
    made.refer(inside["f0"], tensors)
    tensor, parts = made.table(f0=REF, f1=struct.pack("<b", kind), f2=struct.pack("<I", index), f3=REF)
    made.refer(tensors + 4, tensor)
    made.refer(parts["f0"], made.vector(struct.pack(f"<{len(shape)}i", *shape), len(shape), claimed))
    made.refer(parts["f3"], made.vector(name + b"\0", len(name), name_claimed))
    for field in ("f1", "f2"):
        made.refer(inside[field], made.vector(b"", 0))
    operators = made.vector(REF, 1)
    made.refer(inside["f3"], operators)
    operator, words = made.table(f0=struct.pack("<I", code), f1=REF, f2=REF)
    made.refer(operators + 4, operator)
    for field in ("f1", "f2"):
        made.refer(words[field], made.vector(struct.pack(f"<{len(inputs)}i", *inputs), len(inputs)))
    made.refer(inside["f4"], made.vector(b"main\0", 4))
    places = {"graphs": at["f2"], "buffers": at["f4"], "tensors": inside["f0"], "shape": parts["f0"], "root": root}
    return made, places | {"name": parts["f3"], "operators": inside["f3"], "graph": listed + 4, "tensor": tensors + 4}


def lie(**parts: object) -> Callable[[], bytes]:
    return lambda: bytes(build(**parts)[0].data)  # type: ignore[arg-type]


def lead(place: str, offset: int) -> Callable[[], bytes]:
    """Return what makes an offset lead elsewhere: so many bytes on from where it stands."""

    def make() -> bytes:
        made, places = build()
        made.data[places[place] : places[place] + 4] = struct.pack("<I", offset & 0xFFFFFFFF)
        return bytes(made.data)

    return make


def root_at(offset: int) -> Callable[[], bytes]:
    def make() -> bytes:
        made, _ = build()
        made.data[:4] = struct.pack("<I", offset)
        return bytes(made.data)

    return make


CASES = make_cases(
    "weights",
    [
        ("tflite-honest.tflite", "nothing: an honest model", lie(), READ),
        ("tflite-version.tflite", "version 9 of the schema", lie(version=9)),
        ("tflite-root-0.tflite", "a first table that is the offset to it", root_at(0)),
        ("tflite-root-beyond.tflite", "a first table beyond the end", root_at(1 << 31)),
        ("tflite-root-full.tflite", "a first table at 2^32 - 1", root_at((1 << 32) - 1)),
        ("tflite-root-odd.tflite", "a first table at an odd byte", root_at(9)),
        *((f"tflite-{place}-{words}.tflite", f"an offset of {place} that leads {where}", lead(place, offset), (0, 2))
          for place in ("graphs", "buffers", "tensors", "shape", "name", "operators", "graph", "tensor")
          for words, where, offset in (("itself", "to itself", 0), ("beyond", "beyond the end", 1 << 30),
                                       ("back", "to the first bytes", -8))),
        ("tflite-shape-more.tflite", "more values than stored", lie(shape=(3,)), (0, 2)),
        ("tflite-shape-negative.tflite", "a negative extent", lie(shape=(-2,)), (0, 2)),
        ("tflite-shape-product.tflite", "a product that overflows", lie(shape=(1 << 30,) * 4), (0, 2)),
        ("tflite-shape-rank.tflite", "1,000 axes", lie(shape=(1,) * 1_000), (0, 2)),
        ("tflite-shape-length.tflite", "a shape of 2^30 extents", lie(claimed=1 << 30)),
        ("tflite-shape-length-full.tflite", "a shape of 2^32 - 1 extents", lie(claimed=(1 << 32) - 1)),
        ("tflite-kind.tflite", "a type that is not known", lie(kind=99), (0, 2)),
        ("tflite-kind-negative.tflite", "type -1", lie(kind=-1), (0, 2)),
        ("tflite-kind-text.tflite", "texts", lie(kind=5), (0, 2)),
        ("tflite-buffer-index.tflite", "the values of a buffer that there is not", lie(index=7)),
        ("tflite-data-length.tflite", "2^31 bytes of values", lie(data_claimed=1 << 31)),
        ("tflite-name-length.tflite", "a name of 2^31 bytes", lie(name_claimed=1 << 31)),
        ("tflite-name-not-utf-8.tflite", "a name that is not UTF-8", lie(name=b"\xff\xfe"), READ),
        ("tflite-name-control.tflite", "a name that clears the screen", lie(name=b"\x1b[2J"), READ),
        ("tflite-code.tflite", "an operator that there is not", lie(code=5)),
        ("tflite-input.tflite", "an input that there is not", lie(inputs=(99,))),
        ("tflite-input-negative.tflite", "input -2", lie(inputs=(-2,))),
        ("tflite-graphs-many.tflite", "one graph 1,000,000 times", lie(graphs=1_000_000)),
        ("tflite-cut.tflite", "cut short", lambda: bytes(build()[0].data[:120])),
        ("tflite-magic.tflite", "the mark alone", struct.pack("<I4s", 8, b"TFL3")),
    ],
)  # fmt: skip
