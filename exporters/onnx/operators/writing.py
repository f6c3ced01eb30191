"""Writes one layer, or the layers inside a combinator, as ONNX operations."""

from collections.abc import Mapping

from cnnkit.errors import ExportError
from cnnkit.exporters.core.architecture import LayerFields, layer_faults
from cnnkit.exporters.core.wiring import WiredLayer, Wiring, follow, wire
from cnnkit.exporters.onnx.graph_builder import GraphBuilder
from cnnkit.exporters.onnx.operators.activations import ACTIVATIONS
from cnnkit.exporters.onnx.operators.joining import JOINING, JoiningOperator
from cnnkit.exporters.onnx.operators.normalisation import NORMALISATION
from cnnkit.exporters.onnx.operators.operator import Operator, write_plain
from cnnkit.exporters.onnx.operators.shaping import SHAPING
from cnnkit.exporters.onnx.operators.windows import WINDOWS
from cnnkit.files.names import printable


def add_network(graph: GraphBuilder, wiring: Wiring, xs: tuple[str, ...]) -> tuple[str, ...]:
    """Append the operations of all layers, given the names of the inputs; return the names of the outputs.

    Raises ExportError as `add_operations`.
    """

    def write(layer: WiredLayer, taken: tuple[str, ...]) -> tuple[str, ...]:
        with graph.sharing(str(layer.fields.get("path")), layer.shares):
            return add_operations(graph, layer.fields, taken)

    return follow(wiring, xs, write)


def add_operations(graph: GraphBuilder, layer: LayerFields, xs: tuple[str, ...]) -> tuple[str, ...]:
    """Append the operations of one layer and return the names of its results.

    Raises ExportError for a layer that ONNX has no operations for, or that lacks what it needs.
    """
    kind = layer.get("type")
    if not isinstance(kind, str) or kind not in OPERATORS:
        where = f"layer {printable(str(layer.get('path')))} ({printable(str(kind))})"
        raise ExportError(f"{where}: not known as ONNX operations")
    with layer_faults(layer):
        return OPERATORS[kind](graph, layer, xs)


def _take_one(operator: Operator) -> JoiningOperator:
    """Return the operator of a layer of one input and one output in the form of the others."""

    def whole(graph: GraphBuilder, layer: LayerFields, xs: tuple[str, ...]) -> tuple[str, ...]:
        (x,) = xs
        return (operator(graph, layer, x),)

    return whole


def _add_dense(graph: GraphBuilder, layer: LayerFields, x: str) -> str:
    path, outputs = layer["path"], layer["features"]
    inputs = [x, graph.weight(path, "weight", (outputs, layer["input_shape"][-1]))]
    if len(layer["input_shape"]) > 1:  # along the last axis; Gemm takes matrices only
        y = graph.node("MatMul", path, [x, graph.node("Transpose", path, inputs[1:], perm=[1, 0])])
        return graph.node("Add", path, [y, graph.weight(path, "bias", (outputs,))]) if layer.get("bias", True) else y
    if layer.get("bias", True):
        inputs.append(graph.weight(path, "bias", (outputs,)))
    return graph.node("Gemm", path, inputs, transB=1)


def _add_network(graph: GraphBuilder, layer: LayerFields, xs: tuple[str, ...]) -> tuple[str, ...]:
    return add_network(graph, wire(layer), xs)


def _add_residual(graph: GraphBuilder, layer: LayerFields, xs: tuple[str, ...]) -> tuple[str, ...]:
    (body,), shortcut = add_operations(graph, layer["body"], xs), layer.get("shortcut")
    (around,) = xs if shortcut is None else add_operations(graph, shortcut, xs)
    return (graph.node("Add", layer["path"], [body, around]),)


def _add_branches(graph: GraphBuilder, layer: LayerFields, xs: tuple[str, ...]) -> tuple[str, ...]:
    results = [name for branch in layer["branches"] for name in add_operations(graph, branch, xs)]
    if layer.get("join", "concatenate") == "concatenate":
        return (graph.node("Concat", layer["path"], results, axis=1),)
    return (graph.node("Sum", layer["path"], results),)


_OF_ONE: Mapping[str, Operator] = {
    **WINDOWS, **NORMALISATION, **ACTIVATIONS, **SHAPING,
    "Dense": _add_dense, "Dropout": write_plain("Identity"), "SpatialDropout": write_plain("Identity"),
}  # fmt: skip
OPERATORS: Mapping[str, JoiningOperator] = {
    **{kind: _take_one(operator) for kind, operator in _OF_ONE.items()},
    **JOINING,
    "Sequential": _add_network, "Graph": _add_network, "Residual": _add_residual, "Branches": _add_branches,
}  # fmt: skip
