"""Layers that move, cut, repeat or resample values as ONNX operations."""

from cnnkit.exporters.core.architecture import LayerFields
from cnnkit.exporters.onnx.graph_builder import GraphBuilder
from cnnkit.exporters.onnx.operators.operator import Operator


def _add_flatten(graph: GraphBuilder, layer: LayerFields, x: str) -> str:
    return graph.node("Flatten", layer["path"], [x], axis=1)


def _add_reshape(graph: GraphBuilder, layer: LayerFields, x: str) -> str:
    shape = graph.constant(f"{layer['path']}/shape", [0, *layer["output_shape"]], "int64")  # 0: N, as in the input
    return graph.node("Reshape", layer["path"], [x, shape])


SHAPING: dict[str, Operator] = {"Flatten": _add_flatten, "Reshape": _add_reshape}
