"""Convolution and pooling as ONNX operations."""

from typing import Any

from cnnkit.exporters.core.architecture import LayerFields
from cnnkit.exporters.core.layer_geometry import as_pair, read_geometry
from cnnkit.exporters.onnx.graph_builder import GraphBuilder
from cnnkit.exporters.onnx.operators.operator import Operator


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


WINDOWS: dict[str, Operator] = {
    "Conv2D": _add_conv,
    "ConvTranspose2D": _add_conv,
    "MaxPool2D": _add_pool,
    "AvgPool2D": _add_pool,
    "GlobalAvgPool2D": _add_global_average,
}
