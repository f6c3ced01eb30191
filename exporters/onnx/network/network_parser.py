"""ModelProto with all that a network needs: nodes with the values of their attributes, declared types and shapes."""

from dataclasses import dataclass, field

from cnnkit.exporters.core.protobuf_head import VARINT
from cnnkit.exporters.onnx.network.attribute_value import MakeTensor, parse_value
from cnnkit.exporters.onnx.network.file_network import FileNode, FileValue
from cnnkit.exporters.onnx.network.names import read_name
from cnnkit.exporters.onnx.sparse_tensor import parse_sparse
from cnnkit.exporters.onnx.tensor_proto import TYPES, StoredTensor, parse_tensor
from cnnkit.exporters.onnx.wire import OBJECT, Field, Source, parse_message, parse_pair, raise_damaged, to_signed
from cnnkit.files.limits import require_few
from cnnkit.files.unsafe_file import UnsafeFileError

_MOST_NODES = 50_000
_MOST_VALUES = 200_000
_MOST_LINKS = 200_000  # inputs and outputs of all nodes
_MOST_AXES = 32


@dataclass(slots=True)
class ParsedNetwork:
    """A graph as parsed, before its tensors are placed."""

    nodes: list[FileNode] = field(default_factory=list)
    initializers: list[StoredTensor] = field(default_factory=list)
    inputs: list[FileValue] = field(default_factory=list)
    outputs: list[FileValue] = field(default_factory=list)
    declared: list[FileValue] = field(default_factory=list)
    versions: dict[str, int] = field(default_factory=dict)
    functions: list[tuple[str, str]] = field(default_factory=list)
    properties: dict[str, str] = field(default_factory=dict)
    producer: str = ""
    links: int = 0


def parse_network(source: Source, make: MakeTensor) -> ParsedNetwork:
    """Return the network of a model. make: builds a tensor that an attribute holds.

    Raises UnsafeFileError when the file is damaged, has no graph, or more of something than any network.
    """
    parsed, graphs = ParsedNetwork(), 0
    for part in source.fields(0, source.size):
        if part.number in (2, 3):
            parsed.producer = f"{parsed.producer} {read_name(source, part)}".strip()
        elif part.number == 7:
            _parse_graph(source, part, parsed, make)
            graphs += 1
        elif part.number == 8:
            domain, version = parse_pair(source, part)
            parsed.versions[str(domain)] = to_signed(int(version or 0))
        elif part.number == 14:
            key, value = parse_pair(source, part)
            parsed.properties[str(key)] = str(value)
        elif part.number == 25:
            parsed.functions.append(_parse_function(source, part))
    if graphs != 1:
        raise UnsafeFileError(f"damaged ONNX file: {graphs} graphs, expected one")
    return parsed


def _parse_graph(source: Source, whole: Field, parsed: ParsedNetwork, make: MakeTensor) -> None:
    values = {11: parsed.inputs, 12: parsed.outputs, 13: parsed.declared}
    for part in parse_message(source, whole):
        if part.number == 1:
            parsed.nodes.append(_parse_node(source, part, len(parsed.nodes), parsed, make))
            require_few(len(parsed.nodes), _MOST_NODES, "nodes")
        elif part.number == 5:
            parsed.initializers.append(parse_tensor(source, part))
        elif part.number == 15:
            parsed.initializers.append(parse_sparse(source, part))
        elif part.number in values:
            values[part.number].append(_parse_declaration(source, part))
            require_few(len(values[part.number]), _MOST_VALUES, "declared values")


def _parse_node(source: Source, whole: Field, place: int, parsed: ParsedNetwork, make: MakeTensor) -> FileNode:
    op = name = domain = ""
    inputs, outputs, attributes = [], [], {}
    source.count(OBJECT)
    for part in parse_message(source, whole):
        if part.number == 1:
            inputs.append(read_name(source, part))
        elif part.number == 2:
            outputs.append(read_name(source, part))
        elif part.number == 3:
            name = read_name(source, part)
        elif part.number == 4:
            op = read_name(source, part)
        elif part.number == 5:
            key, value = parse_value(source, part, make)
            attributes[key] = value
        elif part.number == 7:
            domain = read_name(source, part)
    parsed.links += len(inputs) + len(outputs)
    require_few(parsed.links, _MOST_LINKS, "inputs and outputs of nodes")
    return FileNode(place, op, "" if domain == "ai.onnx" else domain, name, tuple(inputs), tuple(outputs), attributes)


def _parse_declaration(source: Source, whole: Field) -> FileValue:
    """Return a ValueInfoProto: field 1 its name, 2 its type, of which field 1 is a tensor's."""
    value = FileValue("", "", None)
    source.count(OBJECT)
    for part in parse_message(source, whole):
        if part.number == 1:
            value = value._replace(name=read_name(source, part))
        elif part.number == 2:
            for kind in parse_message(source, part):
                if kind.number == 1:
                    value = _parse_type(source, kind, value)
    return value


def _parse_type(source: Source, whole: Field, value: FileValue) -> FileValue:
    for part in parse_message(source, whole):
        if part.number == 1 and part.wire == VARINT:
            value = value._replace(dtype=TYPES.get(part.value, ""))
        elif part.number == 2:
            value = value._replace(shape=_parse_shape(source, part))
    return value


def _parse_shape(source: Source, whole: Field) -> tuple[int | str | None, ...]:
    extents: list[int | str | None] = []
    for dimension in parse_message(source, whole):
        if dimension.number == 1:
            extent: int | str | None = None
            for part in parse_message(source, dimension):
                if part.number == 1 and part.wire == VARINT:
                    number = to_signed(part.value)
                    if not 0 <= number < 1 << 48:
                        raise_damaged(f"a declared extent of {number}", part.start)
                    extent = number
                elif part.number == 2:
                    extent = read_name(source, part) or None
            extents.append(extent)
            require_few(len(extents), _MOST_AXES, "axes of a value")
    return tuple(extents)


def _parse_function(source: Source, whole: Field) -> tuple[str, str]:
    """Return (domain, name) of a FunctionProto."""
    texts = {p.number: read_name(source, p) for p in parse_message(source, whole) if p.number in (1, 10)}
    return texts.get(10, ""), texts.get(1, "")
