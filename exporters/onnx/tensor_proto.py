"""TensorProto, parsed: shape, type and where the values lie; ONNX stores values in seven ways."""

import math
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from cnnkit.exporters.core.element_types import carrier
from cnnkit.exporters.core.protobuf_head import BYTES, FIXED32, FIXED64, VARINT
from cnnkit.exporters.core.raw_values import decode_values
from cnnkit.exporters.core.weight_file import Array
from cnnkit.exporters.onnx.wire import OBJECT, RUN_OF, Field, Source, raise_damaged, to_signed
from cnnkit.files.stored_file import StoredFile

TYPES = {
    1: "float32", 2: "uint8", 3: "int8", 4: "uint16", 5: "int16", 6: "int32", 7: "int64", 9: "bool", 10: "float16",
    11: "float64", 12: "uint32", 13: "uint64", 14: "complex64", 15: "complex128", 16: "bfloat16",
    17: "float8_e4m3fn", 18: "float8_e4m3fnuz", 19: "float8_e5m2", 20: "float8_e5m2fnuz", 24: "float8_e8m0fnu",
}  # fmt: skip
TEXTS = "element type texts is not read"
_OTHER_TYPES = {8: "texts", 21: "uint4", 22: "int4", 23: "float4_e2m1", 25: "uint2", 26: "int2"}
_RAW, _EXTERNAL = 9, 1
_MOST_AXES = 32


class NumberFields(NamedTuple):
    """The numbers of the fields of a message in which values stand, by how they are written."""

    fixed32: frozenset[int]
    fixed64: frozenset[int]
    varints: frozenset[int]

    def include(self, number: int) -> bool:
        """Return whether values stand in the field of that number."""
        return number in self.fixed32 or number in self.fixed64 or number in self.varints


# float_data; double_data; int32_data (and all that is smaller), int64_data, uint64_data
_TENSOR_FIELDS = NumberFields(frozenset((4,)), frozenset((10,)), frozenset((5, 7, 11)))


@dataclass(frozen=True, slots=True)
class StoredTensor:
    """A tensor in the file. span: of the message; raw: of its raw bytes; typed: the number of bytes in typed fields.

    fields: the typed fields; sparse: values and their places, where only some are stored.
    location: the file where the values lie, if in another; offset, length: where in it, as far as it is said.
    problem: why its values cannot be read, or None.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    span: tuple[int, int]
    raw: tuple[int, int] | None = None
    typed: int = 0
    fields: NumberFields = _TENSOR_FIELDS
    sparse: tuple["StoredTensor", "StoredTensor"] | None = None
    location: str | None = None
    offset: int = 0
    length: int | None = None
    problem: str | None = None

    @property
    def count(self) -> int:
        """The number of values."""
        return math.prod(self.shape)


def parse_tensor(source: Source, field: Field) -> StoredTensor:
    """Return a TensorProto. Raises UnsafeFileError when it contradicts itself."""
    if field.wire != BYTES:
        raise_damaged(f"field {field.number} is not a tensor", field.start)
    name, shape, kind, raw, typed, outside = "", [], 0, None, 0, False
    external: dict[str, str] = {}
    source.count(OBJECT)
    for part in source.fields(field.start, field.stop):
        if part.number == 1:
            shape += [to_signed(value) for value in source.varints(part)]
        elif part.number == 2:
            kind = part.value
        elif part.number == 8:
            name = source.text(part)
        elif part.number == _RAW:
            raw = part.start, part.stop
        elif _TENSOR_FIELDS.include(part.number):
            typed += part.stop - part.start if part.wire == BYTES else 8 if part.wire == FIXED64 else 4
        elif part.number == 13:
            external |= _parse_entry(source, part)
        elif part.number == 14:
            outside = part.value == _EXTERNAL
    if len(shape) > _MOST_AXES or any(n < 0 or n > 1 << 48 for n in shape):
        raise_damaged(f"tensor of shape {shape[:_MOST_AXES]}", field.start)
    problem = None if kind in TYPES else f"element type {_OTHER_TYPES.get(kind, kind)} is not read"
    tensor = StoredTensor(
        name, tuple(shape), TYPES.get(kind, "uint8"), (field.start, field.stop), raw, typed, problem=problem
    )
    if outside or external:
        offset, length = (_parse_count(external, key, field.start) for key in ("offset", "length"))
        return replace(tensor, raw=None, location=external.get("location", ""), offset=offset or 0, length=length)
    return tensor if problem is not None else _check_size(tensor)


def read_tensor(file: StoredFile, tensor: StoredTensor) -> Array:
    """Return the values in native byte order. Raises UnsafeFileError when there are more or fewer than declared."""
    dtype = carrier(tensor.dtype)
    little = dtype.newbyteorder("<")
    if tensor.sparse is not None:
        return _fill(file, tensor, *tensor.sparse)
    if tensor.raw is not None:
        data = file.read(tensor.raw[0], tensor.raw[1] - tensor.raw[0])
        try:
            return decode_values(data, little, tensor.shape)
        except ValueError as error:
            raise_damaged(str(error), tensor.raw[0])
    with file.open() as stream:
        values = _read_typed(Source(stream, file.size), tensor, little)
    return np.require(values.reshape(tensor.shape), dtype, "C")


def _check_size(tensor: StoredTensor) -> StoredTensor:
    need = tensor.count * carrier(tensor.dtype).itemsize
    stored = tensor.typed if tensor.raw is None else tensor.raw[1] - tensor.raw[0]
    least = need if tensor.raw is not None else tensor.count  # a varint takes at least one byte
    if (tensor.raw is not None and stored != need) or stored < least:
        raise_damaged(f"tensor of shape {tensor.shape} with {stored} bytes of values", tensor.span[0])
    return replace(tensor, raw=(tensor.span[0], tensor.span[0])) if need == 0 else tensor


def _read_typed(source: Source, tensor: StoredTensor, little: np.dtype[np.generic]) -> Array:
    parts = []
    for field in source.fields(*tensor.span, runs=True):
        if field.number in tensor.fields.varints:
            parts.append(_read_integers(source, field))
        elif tensor.fields.include(field.number):
            parts.append(_read_reals(source, field, 8 if field.number in tensor.fields.fixed64 else 4))
    values = np.concatenate(parts) if parts else np.empty(0, np.uint64)
    complexes = tensor.dtype.startswith("complex")
    if len(values) != tensor.count * (2 if complexes else 1):
        raise_damaged(f"tensor of shape {tensor.shape} with {len(values)} values", tensor.span[0])
    if complexes or values.dtype.kind == "f":
        return values.view(little) if values.itemsize <= little.itemsize else values.astype(little)
    if little.kind == "f" and little.itemsize == 2:  # the bits of a float16 as a number
        return values.astype("<u2").view(little)
    return values.astype("<u8").astype(little.str.replace("b1", "u1")).astype(little)


def _read_integers(source: Source, field: Field) -> Array:
    if field.wire == VARINT:
        return np.array([field.value], np.uint64)
    if field.wire not in (BYTES, RUN_OF[VARINT]):
        raise_damaged(f"field {field.number} is no list of numbers", field.start)
    values = _unpack(_read_span(source, field), field.start)
    return values if field.wire == BYTES else values[1::2]  # without the keys


def _read_reals(source: Source, field: Field, size: int) -> Array:
    single, width = {4: FIXED32, 8: FIXED64}[size], f"<f{size}"
    if field.wire == BYTES and (field.stop - field.start) % size == 0:
        return _read_span(source, field).view(width)
    if field.wire == single:
        return np.frombuffer(field.value.to_bytes(size, "little"), width)
    if field.wire != RUN_OF.get(single):
        raise_damaged(f"field {field.number} is no list of numbers", field.start)
    keyed = _read_span(source, field).reshape(-1, 1 + size)  # a key of one byte before each
    return np.ascontiguousarray(keyed[:, 1:]).view(width)[:, 0]


def _fill(file: StoredFile, tensor: StoredTensor, values: StoredTensor, places: StoredTensor) -> Array:
    """Return the whole array of a sparse tensor. Raises UnsafeFileError for places outside."""
    stored, where = read_tensor(file, values).reshape(-1), read_tensor(file, places)
    whole = np.zeros(tensor.shape, carrier(tensor.dtype))
    extents = np.array(tensor.shape if where.ndim == 2 else (whole.size,), np.int64)
    if ((where < 0) | (where >= extents)).any():
        raise_damaged(f"a place outside of shape {tensor.shape}", places.span[0])
    if where.ndim == 2:
        whole[tuple(where.T)] = stored
    else:
        whole.reshape(-1)[where] = stored
    return whole


def _read_span(source: Source, field: Field) -> Array:
    pieces = range(field.start, field.stop, 1 << 20)
    return np.frombuffer(b"".join(source.bytes(p, min(p + (1 << 20), field.stop)) for p in pieces), np.uint8)


def _unpack(data: Array, offset: int) -> Array:
    """Return the varints in `data` as uint64."""
    ends = np.flatnonzero(data < 0x80)
    if len(data) and (not len(ends) or ends[-1] != len(data) - 1):
        raise_damaged("a number is cut", offset)
    starts = np.concatenate(([0], ends[:-1] + 1)) if len(ends) else ends
    lengths = ends - starts + 1
    if len(lengths) and lengths.max() > 10:
        raise_damaged("a number of more than ten bytes", offset)
    values = np.zeros(len(ends), np.uint64)
    for place in range(int(lengths.max(initial=0))):
        inside = lengths > place
        digit = (data[starts[inside] + place] & 0x7F).astype(np.uint64)
        values[inside] |= digit << np.uint64(7 * place)
    return values


def _parse_entry(source: Source, field: Field) -> dict[str, str]:
    """Return {key: value} of an entry of external_data."""
    texts = {part.number: source.text(part) for part in source.fields(field.start, field.stop) if part.number in (1, 2)}
    return {texts.get(1, ""): texts.get(2, "")}


def _parse_count(external: dict[str, str], key: str, place: int) -> int | None:
    """Return a number of bytes of external_data, None where it is not there."""
    text = external.get(key)
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) < 20):
        raise_damaged(f"{key} {text[:30]!r} of external data", place)
    return int(text)
