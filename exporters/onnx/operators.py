"""Each layer of an architecture as ONNX operations. A function takes the graph, the layer, the name of its input."""

import math
from collections.abc import Callable, Mapping
from typing import Any

from cnnkit.errors import ExportError
from cnnkit.exporters.core.architecture import LayerFields, layer_faults
from cnnkit.exporters.core.layer_geometry import as_pair, read_geometry
from cnnkit.exporters.onnx.graph_builder import GraphBuilder
from cnnkit.files.names import printable


def add_operations(graph: GraphBuilder, layer: LayerFields, x: str) -> str:
    """Append the operations of one layer and return the name of its result.

    Raises ExportError for a layer that ONNX has no operations for, or that lacks what it needs.
    """
    kind = layer.get("type")
    if kind not in _OPERATORS:
        raise ExportError(f"layer {layer.get('path')} ({printable(str(kind))}): not known as ONNX operations")
    with layer_faults(layer):
        return _OPERATORS[kind](graph, layer, x)


def _to_pads(padding: Any) -> list[int]:
    (top, bottom), (left, right) = padding
    return [top, left, bottom, right]


def _add_conv(graph: GraphBuilder, layer: LayerFields, x: str) -> str:
    path, shape, groups = layer["path"], read_geometry(layer), layer.get("groups", 1)
    outputs, channels = layer["features"], layer["input_shape"][0]
    transposed = layer["type"] == "ConvTranspose2D"
    lead = (channels, outputs // groups) if transposed else (outputs, channels // groups)
    inputs = [x, graph.weight(path, "weight", (*lead, *shape.window))]
    if layer.get("bias", True):
        inputs.append(graph.weight(path, "bias", (outputs,)))
    attributes: dict[str, Any] = {
        "dilations": shape.dilation,
        "group": groups,
        "kernel_shape": shape.window,
        "pads": _to_pads(shape.padding),
        "strides": shape.stride,
    }
    if transposed:
        attributes["output_padding"] = as_pair(layer.get("output_padding", 0))
    return graph.node("ConvTranspose" if transposed else "Conv", path, inputs, **attributes)


def _add_dense(graph: GraphBuilder, layer: LayerFields, x: str) -> str:
    path, outputs = layer["path"], layer["features"]
    inputs = [x, graph.weight(path, "weight", (outputs, layer["input_shape"][0]))]
    if layer.get("bias", True):
        inputs.append(graph.weight(path, "bias", (outputs,)))
    return graph.node("Gemm", path, inputs, transB=1)


def _add_pool(graph: GraphBuilder, layer: LayerFields, x: str) -> str:
    shape = read_geometry(layer)
    attributes: dict[str, Any] = {
        "kernel_shape": shape.window, "pads": _to_pads(shape.padding), "strides": shape.stride,
    }  # fmt: skip
    if layer["type"] == "MaxPool2D":
        return graph.node("MaxPool", layer["path"], [x], **attributes)
    attributes["count_include_pad"] = int(layer.get("count_padding", True))
    return graph.node("AveragePool", layer["path"], [x], **attributes)


def _add_global_average(graph: GraphBuilder, layer: LayerFields, x: str) -> str:
    path = layer["path"]
    if graph.dtype == "float64":  # runtimes have GlobalAveragePool in float32 only
        return graph.node("ReduceMean", path, [x], axes=[2, 3], keepdims=0)
    return graph.node("Flatten", path, [graph.node("GlobalAveragePool", path, [x])], axis=1)


def _add_flatten(graph: GraphBuilder, layer: LayerFields, x: str) -> str:
    return graph.node("Flatten", layer["path"], [x], axis=1)


def _add_reshape(graph: GraphBuilder, layer: LayerFields, x: str) -> str:
    shape = graph.constant(f"{layer['path']}/shape", [0, *layer["output_shape"]], "int64")  # 0: N, as in the input
    return graph.node("Reshape", layer["path"], [x, shape])


def _add_batch_norm(graph: GraphBuilder, layer: LayerFields, x: str) -> str:
    path, channels = layer["path"], (layer["input_shape"][0],)
    inputs = [graph.weight(path, name, channels) for name in ("gamma", "beta", "mean", "variance")]
    return graph.node("BatchNormalization", path, [x, *inputs], epsilon=float(layer.get("epsilon", 1e-5)))


def _add_layer_norm(graph: GraphBuilder, layer: LayerFields, x: str) -> str:
    path, shape = layer["path"], layer["input_shape"]
    inputs = [graph.weight(path, name, shape) for name in ("gamma", "beta")]
    epsilon = float(layer.get("epsilon", 1e-5))
    return graph.node("LayerNormalization", path, [x, *inputs], axis=1, epsilon=epsilon)


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


def _add_plain(op: str) -> Callable[[GraphBuilder, LayerFields, str], str]:
    def operator(graph: GraphBuilder, layer: LayerFields, x: str) -> str:
        return graph.node(op, layer["path"], [x])

    return operator


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


_OPERATORS: Mapping[Any, Callable[[GraphBuilder, LayerFields, str], str]] = {
    "Conv2D": _add_conv, "ConvTranspose2D": _add_conv, "Dense": _add_dense, "MaxPool2D": _add_pool,
    "AvgPool2D": _add_pool, "GlobalAvgPool2D": _add_global_average, "Flatten": _add_flatten, "Reshape": _add_reshape,
    "Dropout": _add_plain("Identity"), "BatchNorm": _add_batch_norm, "LayerNorm": _add_layer_norm,
    "ReLU": _add_plain("Relu"), "LeakyReLU": _add_leaky_relu, "Sigmoid": _add_plain("Sigmoid"),
    "Tanh": _add_plain("Tanh"), "GELU": _add_gelu, "Softmax": _add_softmax, "Sequential": _add_sequential,
    "Residual": _add_residual, "Branches": _add_branches,
}  # fmt: skip
