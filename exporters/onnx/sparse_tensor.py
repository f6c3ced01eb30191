"""SparseTensorProto: the values that are not zero, and where they stand; read as a whole array."""

import math

from cnnkit.exporters.core.element_types import carrier
from cnnkit.exporters.core.protobuf_head import BYTES
from cnnkit.exporters.onnx.tensor_proto import StoredTensor, parse_tensor
from cnnkit.exporters.onnx.wire import Field, Source, raise_damaged, to_signed
from cnnkit.files.extents import count_bytes

_FREE_BYTES = 64 << 20  # of a whole array
_LARGEST_RATIO = 100  # bytes of it per byte stored, if that is more


def parse_sparse(source: Source, field: Field) -> StoredTensor:
    """Return a sparse tensor as the tensor that it stands for. Raises UnsafeFileError when it contradicts itself."""
    if field.wire != BYTES:
        raise_damaged(f"field {field.number} is not a tensor", field.start)
    parts: dict[int, StoredTensor] = {}
    shape: list[int] = []
    for part in source.fields(field.start, field.stop):
        if part.number in (1, 2):
            parts[part.number] = parse_tensor(source, part)
        elif part.number == 3:
            shape += [to_signed(value) for value in source.varints(part)]
    if parts.keys() != {1, 2}:
        raise_damaged("a sparse tensor without values or places", field.start)
    values, places = parts[1], parts[2]
    try:
        size = count_bytes(shape, carrier(values.dtype).itemsize)
    except ValueError as error:
        raise_damaged(f"a sparse tensor: {error}", field.start)
    problem = values.problem or places.problem
    if values.location is not None or places.location is not None:
        problem = "a sparse tensor whose values lie in another file"
    elif places.dtype != "int64" or places.shape not in ((values.count,), (values.count, len(shape))):
        problem = f"a sparse tensor with {places.dtype} {places.shape} as the places of {values.count} values"
    elif size > max(_FREE_BYTES, _LARGEST_RATIO * (field.stop - field.start)):
        problem = f"a sparse tensor that takes {size} bytes, with {values.count} of {math.prod(shape)} values"
    return StoredTensor(
        values.name, tuple(shape), values.dtype, (field.start, field.stop), sparse=(values, places), problem=problem
    )
