"""AttributeProto with its value: a number, a text, a list of either, or a tensor."""

import struct
from collections.abc import Callable
from typing import Any

import numpy as np

from cnnkit.exporters.core.protobuf_head import BYTES, FIXED32
from cnnkit.exporters.core.weight_file import Tensor
from cnnkit.exporters.onnx.network.file_network import AttributeValue, Unreadable
from cnnkit.exporters.onnx.network.names import read_name
from cnnkit.exporters.onnx.sparse_tensor import parse_sparse
from cnnkit.exporters.onnx.tensor_proto import StoredTensor, parse_tensor
from cnnkit.exporters.onnx.wire import OBJECT, Field, Source, raise_damaged, to_signed
from cnnkit.files.limits import require_few

MakeTensor = Callable[[str, StoredTensor], Tensor | Unreadable]
_MOST_VALUES = 1 << 16  # in one list; weights lie in tensors
_TYPES: dict[int, AttributeValue] = {
    1: 0.0,
    2: 0,
    3: "",
    6: (),
    7: (),
    8: (),
}  # the values of those types that no field holds


def parse_value(source: Source, whole: Field, make: MakeTensor) -> tuple[str, AttributeValue]:
    """Return (name, value) of an attribute. Raises UnsafeFileError when it is damaged, or holds too much."""
    if whole.wire != BYTES:
        raise_damaged(f"field {whole.number} is not a message", whole.start)
    source.count(OBJECT)
    name, kind, found = "", 0, dict[int, Any]()
    lists: dict[int, list[Any]] = {7: [], 8: [], 9: []}
    for part in source.fields(whole.start, whole.stop):
        if part.number == 1:
            name = read_name(source, part)
        elif part.number == 20:
            kind = part.value
        elif part.number == 2:
            found[2] = _read_float(part)
        elif part.number == 3:
            found[3] = to_signed(part.value)
        elif part.number == 4:
            found[4] = read_name(source, part)
        elif part.number in (5, 22):
            found[5] = parse_tensor(source, part) if part.number == 5 else parse_sparse(source, part)
        elif part.number in (6, 10, 11, 14, 15, 21, 23):
            found[6] = part.number
        elif part.number in lists:
            lists[part.number] += _read_list(source, part)
            require_few(len(lists[part.number]), _MOST_VALUES, "values in one attribute")
    return name, _choose(name, kind, found, lists, make)


def _choose(
    name: str, kind: int, found: dict[int, Any], lists: dict[int, list[Any]], make: MakeTensor
) -> AttributeValue:
    """Return the one value of an attribute; a graph, a type or a list of tensors is none that can be used."""
    if 6 in found:
        return Unreadable({6: "a graph", 11: "graphs", 21: "a reference"}.get(found[6], "a type or list of tensors"))
    if 5 in found:
        return make(name, found[5])
    for number in (2, 3, 4):
        if number in found:
            return found[number]  # type: ignore[no-any-return]
    filled: AttributeValue | None = next((tuple(values) for values in lists.values() if values), None)
    return filled if filled is not None else _TYPES.get(kind, ())


def _read_float(part: Field) -> float:
    if part.wire != FIXED32:
        raise_damaged(f"field {part.number} is no float32", part.start)
    return float(struct.unpack("<f", part.value.to_bytes(4, "little"))[0])


def _read_list(source: Source, part: Field) -> list[Any]:
    """Return the numbers or texts of one field of a list."""
    if part.number == 9:
        return [read_name(source, part)]
    if part.number == 8:
        require_few(part.stop - part.start, 10 * _MOST_VALUES, "bytes in one attribute")
        return [to_signed(value) for value in source.varints(part)]
    if part.wire != BYTES:
        return [_read_float(part)]
    require_few((part.stop - part.start) // 4, _MOST_VALUES, "values in one attribute")
    if (part.stop - part.start) % 4:
        raise_damaged("a list of numbers is cut", part.start)
    return [float(value) for value in np.frombuffer(source.bytes(part.start, part.stop), "<f4")]
