"""ModelProto, GraphProto and NodeProto, parsed: nodes with their inputs, tensors, nested graphs up to a depth."""

from dataclasses import dataclass, field

from cnnkit.exporters.core.protobuf_head import BYTES, VARINT, iterate_head
from cnnkit.exporters.onnx.attribute import AttributeProto, parse_attribute
from cnnkit.exporters.onnx.sparse_tensor import parse_sparse
from cnnkit.exporters.onnx.tensor_proto import StoredTensor, parse_tensor
from cnnkit.exporters.onnx.wire import OBJECT, Field, Source, parse_message, parse_pair, raise_damaged
from cnnkit.files.unsafe_file import UnsafeFileError

_MAX_DEPTH = 16
_MODEL = {1: VARINT, 2: BYTES, 3: BYTES, 4: BYTES, 5: VARINT, 6: BYTES, 7: BYTES}
_GRAPH = frozenset((1, 2, 5, 10, 11, 12, 13, 14, 15))


@dataclass(slots=True)
class NodeProto:
    """An operation: names of inputs and outputs; attributes that are whole numbers, and those that hold values."""

    op: str = ""
    name: str = ""
    inputs: list[str] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    numbers: dict[str, int] = field(default_factory=dict)
    attributes: list[AttributeProto] = field(default_factory=list)
    domain: str = ""
    graphs: list["GraphProto"] = field(default_factory=list)


@dataclass(slots=True)
class GraphProto:
    """Nodes in order, initializers, names of inputs and outputs."""

    name: str = ""
    nodes: list[NodeProto] = field(default_factory=list)
    initializers: list[StoredTensor] = field(default_factory=list)
    inputs: list[str] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)


@dataclass(slots=True)
class ModelProto:
    """The content of an ONNX file."""

    graph: GraphProto = field(default_factory=GraphProto)
    ir_version: int = 0
    producer: str = ""
    producer_version: str = ""
    opsets: dict[str, int] = field(default_factory=dict)
    properties: dict[str, str] = field(default_factory=dict)
    functions: list[GraphProto] = field(default_factory=list)
    trainings: int = 0


def looks_like_model(head: bytes) -> bool:
    """Return whether a file begins as ONNX: an IR version first, then fields of a model up to the graph's first."""
    for index, part in enumerate(iterate_head(head)):
        if _MODEL.get(part.number) != part.wire or (index == 0 and (part.number != 1 or not 1 <= part.value <= 1000)):
            return False
        if part.number == 7:
            inner = part.content[0] if part.content else 0
            return part.value > 0 and inner & 7 == BYTES and inner >> 3 in _GRAPH
    return False


def parse_model(source: Source) -> ModelProto:
    """Return the model. Raises UnsafeFileError when it is damaged, nested too deep, or has no graph."""
    model, graphs = ModelProto(), 0
    for part in source.fields(0, source.size):
        if part.number == 1:
            model.ir_version = part.value
        elif part.number == 2:
            model.producer = source.text(part)
        elif part.number == 3:
            model.producer_version = source.text(part)
        elif part.number == 7:
            model.graph, graphs = _parse_graph(source, part, 0), graphs + 1
        elif part.number == 8:
            domain, version = parse_pair(source, part)
            model.opsets[str(domain)] = int(version or 0)
        elif part.number == 14:
            key, value = parse_pair(source, part)
            model.properties[str(key)] = str(value)
        elif part.number == 20:
            model.trainings += 1
        elif part.number == 25:
            model.functions.append(_parse_function(source, part))
    if graphs != 1:
        raise UnsafeFileError(f"damaged ONNX file: {graphs} graphs, expected one")
    return model


def _parse_graph(source: Source, whole: Field, depth: int) -> GraphProto:
    if whole.wire != BYTES:
        raise_damaged("no graph", whole.start)
    if depth > _MAX_DEPTH:
        raise UnsafeFileError(f"graphs nested deeper than {_MAX_DEPTH}", "too_big")
    graph = GraphProto()
    for part in source.fields(whole.start, whole.stop):
        if part.number == 1:
            graph.nodes.append(_parse_node(source, part, depth))
        elif part.number == 2:
            graph.name = source.text(part)
        elif part.number == 5:
            graph.initializers.append(parse_tensor(source, part))
        elif part.number in (11, 12):
            names = [source.text(p) for p in parse_message(source, part) if p.number == 1]
            (graph.inputs if part.number == 11 else graph.outputs).extend(names)
        elif part.number == 15:
            graph.initializers.append(parse_sparse(source, part))
    return graph


def _parse_function(source: Source, whole: Field) -> GraphProto:
    """Return a FunctionProto: nodes, and names of inputs and outputs."""
    function = GraphProto()
    for part in parse_message(source, whole):
        if part.number == 1:
            function.name = source.text(part)
        elif part.number in (4, 5):
            (function.inputs if part.number == 4 else function.outputs).append(source.text(part))
        elif part.number == 7:
            function.nodes.append(_parse_node(source, part, 0))
    return function


def _parse_node(source: Source, whole: Field, depth: int) -> NodeProto:
    node = NodeProto()
    source.count(OBJECT)
    for part in parse_message(source, whole):
        if part.number == 1:
            node.inputs.append(source.text(part))
        elif part.number == 2:
            node.outputs.append(source.text(part))
        elif part.number == 3:
            node.name = source.text(part)
        elif part.number == 4:
            node.op = source.text(part)
        elif part.number == 5:
            _add_attribute(source, parse_attribute(source, part), node, depth)
        elif part.number == 7:
            node.domain = source.text(part)
    return node


def _add_attribute(source: Source, attribute: AttributeProto, node: NodeProto, depth: int) -> None:
    node.graphs += [_parse_graph(source, part, depth + 1) for part in attribute.graphs]
    if attribute.number is not None:
        node.numbers[attribute.name] = attribute.number
    node.attributes.append(attribute)
