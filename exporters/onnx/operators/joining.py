"""Layers with several inputs or outputs as ONNX operations."""

from collections.abc import Callable

from cnnkit.exporters.core.architecture import LayerFields
from cnnkit.exporters.onnx.graph_builder import GraphBuilder

JoiningOperator = Callable[[GraphBuilder, LayerFields, tuple[str, ...]], tuple[str, ...]]


def _fold(op: str) -> JoiningOperator:
    """Return what writes a join as operations of two inputs, from left to right."""

    def operator(graph: GraphBuilder, layer: LayerFields, xs: tuple[str, ...]) -> tuple[str, ...]:
        result = xs[0]
        for index, x in enumerate(xs[1:]):
            result = graph.node(op, layer["path"], [result, x], f"{op}/{index}" if index else "")
        return (result,)

    return operator


def _gather(op: str) -> JoiningOperator:
    """Return what writes a join as one operation of any number of inputs."""
    return lambda graph, layer, xs: (graph.node(op, layer["path"], xs),)


def _add_average(graph: GraphBuilder, layer: LayerFields, xs: tuple[str, ...]) -> tuple[str, ...]:
    total = _fold("Add")(graph, layer, xs)[0]  # Mean has no float64 in runtimes
    count = graph.constant(f"average/{len(xs)}", float(len(xs)))
    return (graph.node("Div", layer["path"], [total, count], "mean"),)


def _add_concatenate(graph: GraphBuilder, layer: LayerFields, xs: tuple[str, ...]) -> tuple[str, ...]:
    return (graph.node("Concat", layer["path"], xs, axis=int(layer.get("axis", 1))),)


def _add_split(graph: GraphBuilder, layer: LayerFields, xs: tuple[str, ...]) -> tuple[str, ...]:
    (x,), sizes, path = xs, layer["sizes"], layer["path"]
    lengths = graph.constant(f"{path}/sizes", [int(size) for size in sizes], "int64")
    return graph.nodes("Split", path, [x, lengths], len(sizes), axis=int(layer.get("axis", 1)))


JOINING: dict[str, JoiningOperator] = {
    "Add": _fold("Add"),
    "Subtract": _fold("Sub"),
    "Multiply": _fold("Mul"),
    "Divide": _fold("Div"),
    "Average": _add_average,
    "Maximum": _gather("Max"),
    "Minimum": _gather("Min"),
    "Concatenate": _add_concatenate,
    "Split": _add_split,
}
