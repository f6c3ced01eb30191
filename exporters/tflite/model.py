"""The tables of a TensorFlow Lite model that hold or use constants, parsed.

Numbers of fields and codes are those of tensorflow/compiler/mlir/lite/schema/schema.fbs.
"""

from dataclasses import dataclass
from typing import NamedTuple

from cnnkit.exporters.tflite.flatbuffer import Flatbuffer, FlatTable, Span
from cnnkit.files.names import printable
from cnnkit.files.unsafe_file import UnsafeFileError

_VERSION = 3
_EXTENDED = 127  # from this code on, an operator's code is in the wider field
CUSTOM, BATCH_MATMUL = 32, 126


class Quantization(NamedTuple):
    """value = scale * (stored - zero_point); float32 scales and int64 zero points, one or one for each index of `axis`.

    zero_points  None when all are 0
    details      code of another scheme, which replaces this one; 0 for none
    """

    scales: Span
    zero_points: Span | None
    axis: int
    details: int


class LiteTensor(NamedTuple):
    """A constant. code: of its element type; data: its bytes; problem: why its values cannot be read, or None."""

    name: str
    shape: tuple[int, ...]
    code: int
    data: Span
    quantization: Quantization | None
    problem: str | None


class Operator(NamedTuple):
    """An operation. Inputs and outputs: indices of tensors, -1 for none; turned: its second operand is transposed."""

    code: int
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    turned: bool


@dataclass(frozen=True)
class Subgraph:
    """A graph: names of its tensors, the constants among them by index, and operators in order."""

    name: str
    names: tuple[str, ...]
    constants: dict[int, LiteTensor]
    operators: tuple[Operator, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


@dataclass(frozen=True)
class LiteModel:
    """The content of a file. documents: names of its metadata; custom: {operator by others: how often it has data}."""

    description: str
    subgraphs: tuple[Subgraph, ...]
    documents: tuple[str, ...]
    custom: dict[str, int]


def parse_model(buffer: Flatbuffer) -> LiteModel:
    """Return the model. Raises UnsafeFileError when it is damaged or of another version, ValueError for an index of
    nothing.
    """
    root = buffer.root()
    version = root.number(0, "<I")
    if version != _VERSION:
        raise UnsafeFileError(f"version {version} of the schema of TensorFlow Lite: expected {_VERSION}", "refused")
    codes = [_parse_code(table) for table in root.tables(1)]
    buffers = [_parse_buffer(buffer, table) for table in root.tables(4)]
    custom: dict[str, int] = {}
    graphs = tuple(_parse_subgraph(table, codes, buffers, custom) for table in root.tables(2))
    documents = tuple(table.text(0) for table in root.tables(6))
    return LiteModel(root.text(3), graphs, documents, custom)


def _parse_code(table: FlatTable) -> tuple[int, str]:
    code = max(table.number(0, "<b"), table.number(3))
    return code, table.text(1)


def _parse_buffer(buffer: Flatbuffer, table: FlatTable) -> Span:
    """Return the bytes of a buffer, which lie behind the FlatBuffer when the model takes more than 2 GB."""
    offset, size = table.number(1, "<Q"), table.number(2, "<Q")
    if offset <= 1:
        return table.vector(0, 1)
    buffer.require_inside(offset, size)
    return Span(offset, size)


def _parse_subgraph(
    table: FlatTable, codes: list[tuple[int, str]], buffers: list[Span], custom: dict[str, int]
) -> Subgraph:
    names, constants = [], {}
    for index, entry in enumerate(table.tables(0)):
        names.append(entry.text(3))
        tensor = _parse_tensor(entry, names[index], buffers)
        if tensor is not None:
            constants[index] = tensor
    operators = []
    for entry in table.tables(3):
        number = entry.number(0, "<I")
        if number >= len(codes):
            raise ValueError(f"an operator has code {number} of {len(codes)}")
        code, name = codes[number]
        if code == CUSTOM and (entry.vector(5, 1).size or entry.number(9, "<Q")):
            custom[name] = custom.get(name, 0) + 1
        operators.append(_parse_operator(entry, code, len(names)))
    return Subgraph(table.text(4), tuple(names), constants, tuple(operators), table.numbers(1), table.numbers(2))


def _parse_operator(table: FlatTable, code: int, tensors: int) -> Operator:
    inputs, outputs = table.numbers(1), table.numbers(2)
    for index in (*inputs, *outputs):
        if not -1 <= index < tensors:
            raise ValueError(f"an operator uses tensor {index} of {tensors}")
    options = table.table(4) if code == BATCH_MATMUL else None
    return Operator(code, inputs, outputs, options is not None and bool(options.number(1, "<B")))


def _parse_tensor(table: FlatTable, name: str, buffers: list[Span]) -> LiteTensor | None:
    """Return a constant, None for a tensor without values."""
    index, outside = table.number(2, "<I"), table.number(10, "<I")
    if index >= len(buffers) and index:
        raise ValueError(f"tensor {printable(name)} has buffer {index} of {len(buffers)}")
    data = buffers[index] if index else Span(0, 0)
    if not data.size and not outside:
        return None
    table.count_constant()
    problem = None
    if outside:
        problem = "its values lie in another file, which is not opened"
    elif table.table(6) is not None:
        problem = f"sparse: {data.size} bytes of the values that are not 0"
    parameters = table.table(4)
    quantization = None if parameters is None else _parse_quantization(parameters)
    return LiteTensor(name, table.numbers(0), table.number(1, "<b"), data, quantization, problem)


def _parse_quantization(table: FlatTable) -> Quantization | None:
    scales, details = table.vector(2, 4), table.number(4, "<B")
    if not scales.size and not details:
        return None
    zeros = None if table.is_zero(3, 8) else table.vector(3, 8)
    return Quantization(scales, zeros, table.number(6), details)
