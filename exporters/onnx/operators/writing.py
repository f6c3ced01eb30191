"""Writes one layer, or the layers inside a combinator, as ONNX operations."""

from collections.abc import Mapping

from cnnkit.errors import ExportError
from cnnkit.exporters.core.architecture import LayerFields, layer_faults
from cnnkit.exporters.onnx.graph_builder import GraphBuilder
from cnnkit.exporters.onnx.operators.activations import ACTIVATIONS
from cnnkit.exporters.onnx.operators.normalisation import NORMALISATION
from cnnkit.exporters.onnx.operators.operator import Operator, write_plain
from cnnkit.exporters.onnx.operators.shaping import SHAPING
from cnnkit.exporters.onnx.operators.windows import WINDOWS
from cnnkit.files.names import printable


def add_operations(graph: GraphBuilder, layer: LayerFields, x: str) -> str:
    """Append the operations of one layer and return the name of its result.

    Raises ExportError for a layer that ONNX has no operations for, or that lacks what it needs.
    """
    kind = layer.get("type")
    if not isinstance(kind, str) or kind not in OPERATORS:
        raise ExportError(f"layer {layer.get('path')} ({printable(str(kind))}): not known as ONNX operations")
    with layer_faults(layer):
        return OPERATORS[kind](graph, layer, x)


def _add_dense(graph: GraphBuilder, layer: LayerFields, x: str) -> str:
    path, outputs = layer["path"], layer["features"]
    inputs = [x, graph.weight(path, "weight", (outputs, layer["input_shape"][0]))]
    if layer.get("bias", True):
        inputs.append(graph.weight(path, "bias", (outputs,)))
    return graph.node("Gemm", path, inputs, transB=1)


def _add_sequential(graph: GraphBuilder, layer: LayerFields, x: str) -> str:
    for inner in layer["layers"]:
        x = add_operations(graph, inner, x)
    return x


def _add_residual(graph: GraphBuilder, layer: LayerFields, x: str) -> str:
    body = add_operations(graph, layer["body"], x)
    shortcut = layer.get("shortcut")
    return graph.node("Add", layer["path"], [body, x if shortcut is None else add_operations(graph, shortcut, x)])


def _add_branches(graph: GraphBuilder, layer: LayerFields, x: str) -> str:
    results = [add_operations(graph, branch, x) for branch in layer["branches"]]
    if layer.get("join", "concatenate") == "concatenate":
        return graph.node("Concat", layer["path"], results, axis=1)
    return graph.node("Sum", layer["path"], results)


OPERATORS: Mapping[str, Operator] = {
    **WINDOWS, **NORMALISATION, **ACTIVATIONS, **SHAPING,
    "Dense": _add_dense, "Dropout": write_plain("Identity"),
    "Sequential": _add_sequential, "Residual": _add_residual, "Branches": _add_branches,
}  # fmt: skip
