"""Writes TensorFlow Lite models with Google's flatbuffers package, table by table as the schema numbers the fields."""

from typing import Any

import flatbuffers
import numpy as np

CODES = {
    "float32": 0, "float16": 1, "int32": 2, "uint8": 3, "int64": 4, "bool": 6, "int16": 7, "complex64": 8, "int8": 9,
    "float64": 10, "complex128": 11, "uint64": 12, "uint32": 15, "uint16": 16,
}  # fmt: skip


class ModelWriter:
    """Tensors, operators and graphs of one model."""

    def __init__(self) -> None:
        self.builder = flatbuffers.Builder(1024)
        self.buffers: list[Any] = [b""]
        self.codes: list[tuple[int, str]] = []
        self.graphs: list[int] = []
        self.tensors: list[int] = []
        self.operators: list[int] = []

    def table(self, fields: dict[int, Any]) -> int:
        """Write a table; a value is (kind, value): a number's kind as in the builder, "Ref" for what was written."""
        self.builder.StartObject(max(fields, default=-1) + 1)
        for number, (kind, value) in fields.items():
            if kind == "Ref":
                self.builder.PrependUOffsetTRelativeSlot(number, value, 0)
            else:
                getattr(self.builder, f"Prepend{kind}Slot")(number, value, None)  # no default: always stored
        return int(self.builder.EndObject())

    def refs(self, items: list[int]) -> tuple[str, int]:
        self.builder.StartVector(4, len(items), 4)
        for item in reversed(items):
            self.builder.PrependUOffsetTRelative(item)
        return "Ref", self.builder.EndVector()

    def vector(self, values: Any, dtype: str) -> tuple[str, int]:
        return "Ref", self.builder.CreateNumpyVector(np.asarray(values, dtype))

    def text(self, text: str | bytes) -> tuple[str, int]:
        return "Ref", self.builder.CreateString(text)

    def tensor(
        self, name, values=None, *, shape=None, code=None, scale=None, zero=None, axis=0, buffer=None, extra=None
    ):
        """Add a tensor, a constant where it has values; return its index."""
        number = buffer or 0
        if values is not None and buffer is None:
            self.buffers.append(values if isinstance(values, bytes) else values.tobytes())
            number = len(self.buffers) - 1
        shape = shape if shape is not None else values.shape
        code = code if code is not None else CODES[values.dtype.name]
        fields = {0: self.vector(shape, "i4"), 1: ("Int8", code), 2: ("Uint32", number), 3: self.text(name)}
        if scale is not None:
            parts = {2: self.vector(scale, "f4"), 3: self.vector(zero or [0] * len(scale), "i8"), 6: ("Int32", axis)}
            fields[4] = "Ref", self.table(parts)
        self.tensors.append(self.table(fields | (extra or {})))
        return len(self.tensors) - 1

    def operator(self, code, inputs, outputs, custom="", extra=None):
        self.codes.append((code, custom))
        fields = {0: ("Uint32", len(self.codes) - 1), 1: self.vector(inputs, "i4"), 2: self.vector(outputs, "i4")}
        self.operators.append(self.table(fields | (extra or {})))

    def graph(self, name="main", inputs=(), outputs=()):
        fields = {0: self.refs(self.tensors), 1: self.vector(inputs, "i4"), 2: self.vector(outputs, "i4")}
        fields |= {3: self.refs(self.operators), 4: self.text(name)}
        self.graphs.append(self.table(fields))
        self.tensors, self.operators = [], []

    def finish(self, version=3, documents=(), behind=()):
        """Return the file; `behind`: indices of buffers whose bytes go behind the FlatBuffer."""
        if self.tensors or not self.graphs:
            self.graph()
        places = {number: (1 << 40) + number for number in behind}  # found and replaced below
        codes = [self._code(code, custom) for code, custom in self.codes]
        buffers = [self._buffer(content, places.get(number)) for number, content in enumerate(self.buffers)]
        metadata = [self.table({0: self.text(name), 1: ("Uint32", 0)}) for name in documents]
        fields = {0: ("Uint32", version), 1: self.refs(codes), 2: self.refs(self.graphs), 3: self.text("by hand")}
        fields |= {4: self.refs(buffers), 6: self.refs(metadata)}
        self.builder.Finish(self.table(fields), b"TFL3")
        data = bytes(self.builder.Output())
        for number, mark in places.items():
            data += bytes(-len(data) % 16)
            data = data.replace(mark.to_bytes(8, "little"), len(data).to_bytes(8, "little"), 1) + self.buffers[number]
        return data

    def _code(self, code: int, custom: str) -> int:
        fields = {0: ("Int8", min(code, 127)), 3: ("Int32", code)}
        return self.table(fields | ({1: self.text(custom)} if custom else {}))

    def _buffer(self, content: bytes, place: int | None) -> int:
        if place is not None:
            return self.table({1: ("Uint64", place), 2: ("Uint64", len(content))})
        if not content:
            return self.table({})
        self.builder.StartVector(1, len(content), 16)
        self.builder.head -= len(content)
        self.builder.Bytes[self.builder.Head() : self.builder.Head() + len(content)] = content
        return self.table({0: ("Ref", self.builder.EndVector())})
