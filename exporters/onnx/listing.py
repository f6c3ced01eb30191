"""Every place of a model in which values lie: initializers, constants, and attributes of operations."""

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from cnnkit.exporters.core.weight_file import NotRead
from cnnkit.exporters.onnx.attribute import AttributeProto
from cnnkit.exporters.onnx.model_proto import GraphProto, ModelProto, NodeProto
from cnnkit.exporters.onnx.tensor_proto import TEXTS, StoredTensor
from cnnkit.exporters.onnx.usage import Use, find_uses, iterate_graphs
from cnnkit.files.names import printable

_CLASSIC = "ai.onnx.ml"  # models of scikit-learn and others keep their weights in attributes
_ROLES = {"coefficients": "weight", "intercepts": "bias"}


class ListedTensor(NamedTuple):
    """A tensor of a model: its place among the others, the node that uses it, and what the place says of it.

    kind, role  None where the use determines them
    """

    order: tuple[int, int, int]
    name: str
    stored: StoredTensor
    use: Use | None = None
    layer: str | None = None
    kind: str | None = None
    role: str | None = None


def list_tensors(model: ModelProto) -> tuple[list[ListedTensor], list[NotRead]]:
    """Return the tensors in the order in which nodes use them, and what is not read."""
    listed: list[ListedTensor] = []
    not_read: list[NotRead] = []
    graphs = [*iterate_graphs(model.graph)]
    for function in model.functions:
        graphs += iterate_graphs(function, f"{function.name}.")
    for number, (prefix, graph) in enumerate(graphs):
        listed += _list_graph(number, prefix, graph)
        texts = sum(attribute.texts for node in graph.nodes if node.op == "Constant" for attribute in node.attributes)
        if texts:
            not_read.append(NotRead("constants", texts, TEXTS, weights=False))
    if model.trainings:
        not_read.append(NotRead("graphs of a training", model.trainings, "only the network is read"))
    return sorted(listed, key=lambda item: item.order), not_read


def _list_graph(number: int, prefix: str, graph: GraphProto) -> Iterator[ListedTensor]:
    used, names = find_uses(graph), Counter(node.name for node in graph.nodes)
    named: list[tuple[str, StoredTensor, str | None]] = [(t.name, t, None) for t in graph.initializers]
    for place, node in enumerate(graph.nodes):
        if node.op == "Constant":
            named += [(name, stored, "other") for name, stored in _list_constants(node)]
            continue
        unnamed = not node.name or names[node.name] > 1
        layer = prefix + (f"{node.name or node.op}_{place}" if unnamed else node.name)
        for slot, (attribute, index, stored) in enumerate(_list_values(node)):
            order = number, place, len(node.inputs) + slot
            what = "parameter" if node.domain == _CLASSIC and not attribute.integers else "other"
            name = f"{layer}.{attribute.name}{'' if len(attribute.stored) == 1 else f'.{index}'}"
            yield ListedTensor(order, name, stored, None, layer, what, _ROLES.get(attribute.name, "other"))
    for position, (name, stored, kind) in enumerate(named):
        use = used.get(name)
        order = number, use.position if use else len(graph.nodes), use.slot if use else position
        yield ListedTensor(order, prefix + name, stored, use, kind=kind)


def _list_constants(node: NodeProto) -> Iterator[tuple[str, StoredTensor]]:
    """Yield the value of a Constant, whatever attribute holds it."""
    for attribute in node.attributes if node.outputs else ():
        for stored in (attribute.single, *attribute.stored):
            if stored is not None:
                yield node.outputs[0], stored


def _list_values(node: NodeProto) -> Iterator[tuple[AttributeProto, int, StoredTensor]]:
    """Yield the attributes of another operation that hold values, each with the number of the value in it.

    Whole numbers are settings (strides, axes), but for operations of classic machine learning, whose trees they are.
    """
    for attribute in node.attributes:
        if not attribute.integers or node.domain == _CLASSIC:
            for index, stored in enumerate(attribute.stored):
                yield attribute, index, stored


def describe(name: str, stored: StoredTensor) -> NotRead:
    """Return the line about a tensor whose values cannot be read."""
    what = f"{printable(name)} {stored.shape}"
    return NotRead(what, 1, printable(str(stored.problem)), weights=stored.problem != TEXTS)
