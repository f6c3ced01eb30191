"""Activations as ONNX operations."""

import math

from cnnkit.exporters.core.architecture import LayerFields
from cnnkit.exporters.onnx.graph_builder import GraphBuilder
from cnnkit.exporters.onnx.operators.operator import Operator, write_plain


def _add_gelu(graph: GraphBuilder, layer: LayerFields, x: str) -> str:
    path = layer["path"]
    half, one = graph.constant("half", 0.5), graph.constant("one", 1.0)
    if layer.get("approximate", "none") == "tanh":
        square = graph.node("Mul", path, [x, x], "square")
        cube = graph.node("Mul", path, [square, x], "cube")
        bent = graph.node("Mul", path, [cube, graph.constant("gelu/cubic", 0.044715)], "cubic")
        total = graph.node("Add", path, [x, bent], "sum")
        scaled = graph.node("Mul", path, [total, graph.constant("gelu/slope", math.sqrt(2 / math.pi))], "scaled")
        curve = graph.node("Tanh", path, [scaled])
    else:
        scaled = graph.node("Mul", path, [x, graph.constant("gelu/root", math.sqrt(0.5))], "scaled")
        curve = graph.node("Erf", path, [scaled])
    gate = graph.node("Mul", path, [graph.node("Add", path, [curve, one], "shifted"), half], "gate")
    return graph.node("Mul", path, [x, gate], "gated")


def _add_leaky_relu(graph: GraphBuilder, layer: LayerFields, x: str) -> str:
    return graph.node("LeakyRelu", layer["path"], [x], alpha=float(layer.get("slope", 0.01)))


def _add_softmax(graph: GraphBuilder, layer: LayerFields, x: str) -> str:
    return graph.node("Softmax", layer["path"], [x], axis=1)


ACTIVATIONS: dict[str, Operator] = {
    "ReLU": write_plain("Relu"),
    "LeakyReLU": _add_leaky_relu,
    "Sigmoid": write_plain("Sigmoid"),
    "Tanh": write_plain("Tanh"),
    "GELU": _add_gelu,
    "Softmax": _add_softmax,
}
