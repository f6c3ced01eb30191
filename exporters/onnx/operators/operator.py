"""What writes a layer: a function of the graph, the layer and the name of its input, which names its result."""

from collections.abc import Callable

from cnnkit.exporters.core.architecture import LayerFields
from cnnkit.exporters.onnx.graph_builder import GraphBuilder

Operator = Callable[[GraphBuilder, LayerFields, str], str]


def write_plain(op: str) -> Operator:
    """Return what writes a layer as one operation without weights or attributes."""

    def operator(graph: GraphBuilder, layer: LayerFields, x: str) -> str:
        return graph.node(op, layer["path"], [x])

    return operator
