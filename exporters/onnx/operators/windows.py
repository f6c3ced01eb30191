"""Convolution and pooling as ONNX operations."""

from collections.abc import Sequence
from typing import Any

from cnnkit.errors import ExportError
from cnnkit.exporters.core.architecture import LayerFields
from cnnkit.exporters.core.layer_geometry import (
    Padding,
    WindowGeometry,
    as_sizes,
    count_spatial_axes,
    divide_evenly,
    read_geometry,
)
from cnnkit.exporters.onnx.graph_builder import GraphBuilder
from cnnkit.exporters.onnx.operators.operator import Operator

_RANKS = ("1D", "2D", "3D")


def _to_pads(padding: Padding) -> list[int]:
    return [begin for begin, _ in padding] + [end for _, end in padding]


def _add_conv(graph: GraphBuilder, layer: LayerFields, x: str) -> str:
    path, shape, groups = layer["path"], read_geometry(layer), layer.get("groups", 1)
    outputs, channels = layer["features"], layer["input_shape"][0]
    transposed = layer["type"].startswith("ConvTranspose")
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
        attributes["output_padding"] = as_sizes(layer.get("output_padding", 0), len(shape.window))
    return graph.node("ConvTranspose" if transposed else "Conv", path, inputs, **attributes)


def _add_max_pool(graph: GraphBuilder, layer: LayerFields, x: str) -> str:
    return _put_max_pool(graph, layer["path"], x, read_geometry(layer))


def _put_max_pool(graph: GraphBuilder, path: str, x: str, shape: WindowGeometry) -> str:
    """Append a MaxPool. ceil_mode is written as padding: of it, runtimes have had other ideas than torch."""
    attributes: dict[str, Any] = {
        "kernel_shape": shape.window, "pads": _to_pads(shape.full_padding), "strides": shape.stride,
    }  # fmt: skip
    if max(shape.dilation) > 1:
        attributes["dilations"] = shape.dilation
    return graph.node("MaxPool", path, [x], **attributes)


def _add_average_pool(graph: GraphBuilder, layer: LayerFields, x: str) -> str:
    shape = read_geometry(layer)
    if max(shape.dilation) > 1:
        raise ExportError(f"layer {layer['path']} ({layer['type']}): ONNX has no dilation there before operator set 19")
    return _put_average_pool(graph, layer["path"], x, shape, bool(layer.get("count_padding", True)))


def _put_average_pool(graph: GraphBuilder, path: str, x: str, shape: WindowGeometry, counts: bool) -> str:
    """Append an AveragePool; where padding counts and an overhang does not, a Pad before it makes the zeros."""
    padding = shape.full_padding
    if counts and any(shape.overhang):
        pads = graph.constant(f"{path}/pads", _to_pads(((0, 0), (0, 0), *shape.padding)), "int64")
        x = graph.node("Pad", path, [x, pads])
        padding, counts = tuple((0, more) for more in shape.overhang), False
    return graph.node(
        "AveragePool",
        path,
        [x],
        kernel_shape=shape.window,
        pads=_to_pads(padding),
        strides=shape.stride,
        count_include_pad=int(counts),
    )


def _add_global_average(graph: GraphBuilder, layer: LayerFields, x: str) -> str:
    path, keepdims = layer["path"], bool(layer.get("keepdims", False))
    if graph.dtype == "float64":  # runtimes have GlobalAveragePool in float32 only
        return graph.node("ReduceMean", path, [x], axes=_list_axes(layer), keepdims=int(keepdims))
    y = graph.node("GlobalAveragePool", path, [x])
    return y if keepdims else graph.node("Flatten", path, [y], axis=1)


def _add_global_max(graph: GraphBuilder, layer: LayerFields, x: str) -> str:
    keepdims = int(bool(layer.get("keepdims", False)))
    return graph.node("ReduceMax", layer["path"], [x], axes=_list_axes(layer), keepdims=keepdims)


def _list_axes(layer: LayerFields) -> Sequence[int]:
    return range(2, 2 + count_spatial_axes(layer))


def _add_adaptive(graph: GraphBuilder, layer: LayerFields, x: str) -> str:
    shape, path = divide_evenly(layer), layer["path"]
    if shape is None:
        size, outputs = (tuple(layer[name][1:]) for name in ("input_shape", "output_shape"))
        where = f"layer {path} ({layer['type']})"
        raise ExportError(
            f"{where}: ONNX has pooling only where the output's size {outputs} divides the input's {size}"
        )
    if layer["type"].startswith("AdaptiveMax"):
        return _put_max_pool(graph, path, x, shape)
    return _put_average_pool(graph, path, x, shape, counts=False)


_FAMILIES: dict[str, Operator] = {
    "Conv": _add_conv,
    "ConvTranspose": _add_conv,
    "MaxPool": _add_max_pool,
    "AvgPool": _add_average_pool,
    "GlobalAvgPool": _add_global_average,
    "GlobalMaxPool": _add_global_max,
    "AdaptiveAvgPool": _add_adaptive,
    "AdaptiveMaxPool": _add_adaptive,
}
WINDOWS: dict[str, Operator] = {family + rank: add for family, add in _FAMILIES.items() for rank in _RANKS}
