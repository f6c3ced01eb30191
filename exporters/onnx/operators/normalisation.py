"""Normalising layers as ONNX operations."""

import math
from typing import Any

from cnnkit.exporters.core.architecture import LayerFields
from cnnkit.exporters.onnx.graph_builder import GraphBuilder
from cnnkit.exporters.onnx.operators.operator import Operator, read_axes


def _add_batch_norm(graph: GraphBuilder, layer: LayerFields, x: str) -> str:
    path, channels = layer["path"], (layer["input_shape"][0],)
    inputs = [_take_or_fill(graph, layer, name, channels) for name in ("gamma", "beta")]
    inputs += [graph.weight(path, name, channels) for name in ("mean", "variance")]
    return graph.node("BatchNormalization", path, [x, *inputs], epsilon=_read_epsilon(layer))


def _add_layer_norm(graph: GraphBuilder, layer: LayerFields, x: str) -> str:
    shape = layer["input_shape"]
    axes = read_axes(layer, range(1, len(shape) + 1))
    lengths = [shape[axis - 1] for axis in axes]
    if axes[-1] == len(shape) and axes[-1] - axes[0] == len(axes) - 1:  # ONNX has it for the last axes
        inputs = [_take_or_fill(graph, layer, name, lengths) for name in ("gamma", "beta")]
        epsilon = _read_epsilon(layer)
        return graph.node("LayerNormalization", layer["path"], [x, *inputs], axis=axes[0], epsilon=epsilon)
    return _add_affine(graph, layer, _standardise(graph, layer, x, axes), axes)


def _add_rms_norm(graph: GraphBuilder, layer: LayerFields, x: str) -> str:
    axes = read_axes(layer, (1,))
    return _add_affine(graph, layer, _divide_by_root(graph, layer, x, axes), axes, shift=False)


def _add_groups(graph: GraphBuilder, layer: LayerFields, x: str) -> str:
    path, shape = layer["path"], layer["input_shape"]
    groups = layer["groups"] if layer["type"] == "GroupNorm" else shape[0]
    target = graph.constant(f"{path}/groups", [0, groups, math.prod(shape) // groups], "int64")  # 0: N, as in the input
    grouped = graph.node("Reshape", path, [x, target], "grouped")
    if graph.dtype == "float64":  # runtimes have InstanceNormalization in float32 only
        values = _standardise(graph, layer, grouped, [2])
    else:
        ones, zeros = graph.constant(f"{path}/ones", [1.0] * groups), graph.constant(f"{path}/zeros", [0.0] * groups)
        values = graph.node("InstanceNormalization", path, [grouped, ones, zeros], epsilon=_read_epsilon(layer))
    whole = graph.constant(f"{path}/whole", [0, *shape], "int64")
    return _add_affine(graph, layer, graph.node("Reshape", path, [values, whole], "whole"), [1])


def _add_instance_norm(graph: GraphBuilder, layer: LayerFields, x: str) -> str:
    if graph.dtype == "float64":
        return _add_groups(graph, layer, x)
    channels = (layer["input_shape"][0],)
    inputs = [_take_or_fill(graph, layer, name, channels) for name in ("gamma", "beta")]
    return graph.node("InstanceNormalization", layer["path"], [x, *inputs], epsilon=_read_epsilon(layer))


def _add_lrn(graph: GraphBuilder, layer: LayerFields, x: str) -> str:
    path, shape, size = layer["path"], layer["input_shape"], int(layer["size"])
    alpha, beta, bias = (float(layer.get(name, usual)) for name, usual in _LRN)
    if size % 2 and len(shape) == 3:  # all that runtimes have as one operation
        return graph.node("LRN", path, [x], size=size, alpha=alpha, beta=beta, bias=bias)
    columns = graph.constant(f"{path}/columns", [0, 1, shape[0], math.prod(shape[1:])], "int64")
    squares = graph.node("Reshape", path, [graph.node("Mul", path, [x, x], "squares"), columns], "columns")
    reach = min(size, 2 * shape[0])  # further neighbours are all 0
    pads = [min(size // 2, reach - 1), 0, min((size - 1) // 2, reach - 1), 0]
    window: dict[str, Any] = {
        "kernel_shape": [1 + pads[0] + pads[2], 1],
        "pads": pads,
        "strides": [1, 1],
        "count_include_pad": 1,
    }
    means = graph.node("AveragePool", path, [squares], **window)
    factor = graph.constant(f"{path}/alpha", alpha * (1 + pads[0] + pads[2]) / size)
    scaled = graph.node("Mul", path, [means, factor], "scaled")
    amount = graph.node("Add", path, [scaled, graph.constant(f"{path}/bias", bias)], "amount")
    power = graph.node("Pow", path, [amount, graph.constant(f"{path}/beta", beta)], "power")
    whole = graph.node("Reshape", path, [power, graph.constant(f"{path}/whole", [0, *shape], "int64")], "whole")
    return graph.node("Div", path, [x, whole])


_LRN = (("alpha", 1e-4), ("beta", 0.75), ("bias", 1.0))


def _read_epsilon(layer: LayerFields) -> float:
    return float(layer.get("epsilon", 1e-5))


def _has(layer: LayerFields, name: str) -> bool:
    return bool(layer.get({"gamma": "scale", "beta": "shift"}[name], True))


def _take_or_fill(graph: GraphBuilder, layer: LayerFields, name: str, shape: tuple[int, ...] | list[int]) -> str:
    """Return gamma or beta, or ones or zeros for a layer without it where the operation must have it."""
    path = layer["path"]
    if _has(layer, name):
        return graph.weight(path, name, shape)
    array = [1.0 if name == "gamma" else 0.0] * math.prod(shape)
    flat = graph.constant(f"{path}/{name}", array)
    if len(shape) == 1:
        return flat
    return graph.node("Reshape", path, [flat, graph.constant(f"{path}/{name}/shape", list(shape), "int64")], name)


def _standardise(graph: GraphBuilder, layer: LayerFields, x: str, axes: list[int]) -> str:
    path = layer["path"]
    mean = graph.node("ReduceMean", path, [x], "mean", axes=axes, keepdims=1)
    return _divide_by_root(graph, layer, graph.node("Sub", path, [x, mean], "centred"), axes)


def _divide_by_root(graph: GraphBuilder, layer: LayerFields, x: str, axes: list[int]) -> str:
    """Return x over the root of (the mean of its squares along `axes` + epsilon)."""
    path = layer["path"]
    squares = graph.node("Mul", path, [x, x], "squares")
    mean = graph.node("ReduceMean", path, [squares], "mean square", axes=axes, keepdims=1)
    sum_ = graph.node("Add", path, [mean, graph.constant(f"{path}/epsilon", _read_epsilon(layer))], "with epsilon")
    return graph.node("Div", path, [x, graph.node("Sqrt", path, [sum_])])


def _add_affine(graph: GraphBuilder, layer: LayerFields, x: str, axes: list[int], shift: bool = True) -> str:
    path, shape = layer["path"], layer["input_shape"]
    lengths = [shape[axis - 1] for axis in axes]
    for name, op in (("gamma", "Mul"), ("beta", "Add")):
        if _has(layer, name) and (name == "gamma" or shift):
            x = graph.node(op, path, [x, graph.spread(path, graph.weight(path, name, lengths), shape, axes)], name)
    return x


NORMALISATION: dict[str, Operator] = {
    "BatchNorm": _add_batch_norm, "LayerNorm": _add_layer_norm, "GroupNorm": _add_groups,
    "InstanceNorm": _add_instance_norm, "RMSNorm": _add_rms_norm, "LRN": _add_lrn,
}  # fmt: skip
