"""What writes a layer: a function of the graph, the layer and the name of its input, which names its result."""

from collections.abc import Callable, Sequence

from cnnkit.exporters.core.architecture import LayerFields
from cnnkit.exporters.onnx.graph_builder import GraphBuilder

Operator = Callable[[GraphBuilder, LayerFields, str], str]


def write_plain(op: str) -> Operator:
    """Return what writes a layer as one operation without weights or attributes."""

    def operator(graph: GraphBuilder, layer: LayerFields, x: str) -> str:
        return graph.node(op, layer["path"], [x])

    return operator


def write_scaled(op: str, field: str, default: float) -> Operator:
    """Return what writes a layer as one operation whose attribute alpha is a field of the layer."""

    def operator(graph: GraphBuilder, layer: LayerFields, x: str) -> str:
        return graph.node(op, layer["path"], [x], alpha=float(layer.get(field, default)))

    return operator


def read_axes(layer: LayerFields, default: Sequence[int]) -> list[int]:
    """Return the field `axes` in rising order, counted from the batch axis, which is 0."""
    count = len(layer["input_shape"]) + 1
    return sorted(axis % count for axis in layer.get("axes", default))
