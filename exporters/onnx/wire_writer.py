"""Writes protocol buffers: small parts are kept in memory, tensors are read when they are written."""

import struct
from typing import BinaryIO

import numpy as np

from cnnkit.exporters.core.weight_file import Tensor


class Message:
    """A message: fields in the order in which they are added; its size is known before a tensor is read."""

    def __init__(self) -> None:
        self._parts: list[bytes | Tensor] = []
        self.size = 0

    def number(self, field: int, value: int) -> "Message":
        """Append a whole number; return the message."""
        return self._add(encode_varint(field << 3) + encode_varint(value & 0xFFFFFFFFFFFFFFFF))

    def real(self, field: int, value: float) -> "Message":
        """Append a float32; return the message."""
        return self._add(encode_varint(field << 3 | 5) + struct.pack("<f", value))

    def content(self, field: int, value: bytes | str) -> "Message":
        """Append text or bytes; return the message."""
        data = value.encode("utf-8", "surrogateescape") if isinstance(value, str) else value
        return self._add(encode_varint(field << 3 | 2) + encode_varint(len(data)) + data)

    def message(self, field: int, inner: "Message") -> "Message":
        """Append a message; return this one."""
        self._add(encode_varint(field << 3 | 2) + encode_varint(inner.size))
        self._parts += inner._parts
        self.size += inner.size
        return self

    def values(self, field: int, tensor: Tensor) -> "Message":
        """Append the values of a tensor, little-endian, read when they are written; return the message."""
        self._add(encode_varint(field << 3 | 2) + encode_varint(tensor.nbytes))
        self._parts.append(tensor)
        self.size += tensor.nbytes
        return self

    def write(self, stream: BinaryIO) -> None:
        """Write the fields."""
        for part in self._parts:
            if isinstance(part, bytes):
                stream.write(part)
            else:
                values = part.read()
                stream.write(np.require(values, values.dtype.newbyteorder("<"), "C").tobytes())

    def _add(self, data: bytes) -> "Message":
        self._parts.append(data)
        self.size += len(data)
        return self


def encode_varint(value: int) -> bytes:
    """Return a whole number, 0 or more, seven bits per byte."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
