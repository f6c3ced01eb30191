"""An ONNX file whose runtime tells the values between nodes: their names are appended as further outputs."""

from collections.abc import Iterable

_GRAPH, _OUTPUT, _NAME = 7, 12, 1  # ModelProto.graph, GraphProto.output, ValueInfoProto.name (onnx.proto3)


def add_outputs(model: bytes, names: Iterable[str]) -> bytes:
    """Return the model with outputs of these names, whose types the runtime infers.

    A message that is given twice is merged: the second graph holds the new outputs alone (protobuf.dev, "Last One
    Wins": embedded messages are merged, repeated fields concatenated).
    """
    outputs = b"".join(_field(_OUTPUT, _field(_NAME, name.encode("utf-8", "surrogateescape"))) for name in names)
    return model + _field(_GRAPH, outputs) if outputs else model


def _field(number: int, content: bytes) -> bytes:
    """Return a field with a length."""
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    written = bytearray()
    while value > 0x7F:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes((*written, value))
