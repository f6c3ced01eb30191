"""Activations as ONNX operations."""

import math

from cnnkit.exporters.core.architecture import LayerFields
from cnnkit.exporters.onnx.graph_builder import GraphBuilder
from cnnkit.exporters.onnx.operators.operator import Operator, read_axes, write_plain, write_scaled


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


def _add_softmax(graph: GraphBuilder, layer: LayerFields, x: str) -> str:
    path, axes, logarithm = layer["path"], read_axes(layer, (1,)), layer["type"] == "LogSoftmax"
    if len(axes) == 1:
        return graph.node(layer["type"], path, [x], axis=axes[0])
    where = graph.constant(f"{path}/axes", axes, "int64")
    largest = graph.node("ReduceMax", path, [x], "largest", axes=axes, keepdims=1)
    shifted = graph.node("Sub", path, [x, largest], "shifted")
    powers = graph.node("Exp", path, [shifted], "powers")
    total = graph.node("ReduceSum", path, [powers, where], "total", keepdims=1)
    if logarithm:
        return graph.node("Sub", path, [shifted, graph.node("Log", path, [total])], "logarithms")
    return graph.node("Div", path, [powers, total], "shares")


def _add_prelu(graph: GraphBuilder, layer: LayerFields, x: str) -> str:
    path, axes, shape = layer["path"], read_axes(layer, (1,)), layer["input_shape"]
    slopes = graph.weight(path, "weight", [shape[axis - 1] for axis in axes] or [1])
    return graph.node("PRelu", path, [x, graph.spread(path, slopes, shape, axes)])


def _add_clip(graph: GraphBuilder, layer: LayerFields, x: str) -> str:
    path, six = layer["path"], layer["type"] == "ReLU6"
    bounds = {"low": 0.0, "high": 6.0} if six else {name: layer.get(name) for name in ("low", "high")}
    inputs = ["" if bound is None else graph.constant(f"{path}/{name}", bound) for name, bound in bounds.items()]
    return graph.node("Clip", path, [x, *inputs])


def _add_silu(graph: GraphBuilder, layer: LayerFields, x: str) -> str:
    return graph.node("Mul", layer["path"], [x, graph.node("Sigmoid", layer["path"], [x])])


def _add_mish(graph: GraphBuilder, layer: LayerFields, x: str) -> str:
    path = layer["path"]
    return graph.node("Mul", path, [x, graph.node("Tanh", path, [graph.node("Softplus", path, [x])])])


def _add_selu(graph: GraphBuilder, layer: LayerFields, x: str) -> str:
    alpha, scale = 1.6732632423543772848, 1.0507009873554804934  # older runtimes have fewer digits as defaults
    return graph.node("Selu", layer["path"], [x], alpha=alpha, gamma=scale)


def _add_hardsigmoid(graph: GraphBuilder, layer: LayerFields, x: str) -> str:
    slope, shift = float(layer.get("slope", 1 / 6)), float(layer.get("shift", 0.5))
    return graph.node("HardSigmoid", layer["path"], [x], alpha=slope, beta=shift)


def _add_square(graph: GraphBuilder, layer: LayerFields, x: str) -> str:
    return graph.node("Mul", layer["path"], [x, x])


def _add_power(graph: GraphBuilder, layer: LayerFields, x: str) -> str:
    return graph.node("Pow", layer["path"], [x, graph.constant(f"{layer['path']}/exponent", layer["exponent"])])


ACTIVATIONS: dict[str, Operator] = {
    "ReLU": write_plain("Relu"), "LeakyReLU": write_scaled("LeakyRelu", "slope", 0.01), "PReLU": _add_prelu,
    "ReLU6": _add_clip, "Clip": _add_clip, "ThresholdedReLU": write_scaled("ThresholdedRelu", "threshold", 1.0),
    "Sigmoid": write_plain("Sigmoid"), "Tanh": write_plain("Tanh"), "GELU": _add_gelu, "SiLU": _add_silu,
    "Mish": _add_mish, "ELU": write_scaled("Elu", "alpha", 1.0), "SELU": _add_selu,
    "CELU": write_scaled("Celu", "alpha", 1.0), "Softplus": write_plain("Softplus"),
    "Softsign": write_plain("Softsign"),
    "Hardsigmoid": _add_hardsigmoid, "Hardswish": write_plain("HardSwish"),
    "Softmax": _add_softmax, "LogSoftmax": _add_softmax,
    "Exp": write_plain("Exp"), "Log": write_plain("Log"), "Sqrt": write_plain("Sqrt"), "Abs": write_plain("Abs"),
    "Square": _add_square, "Reciprocal": write_plain("Reciprocal"), "Power": _add_power,
}  # fmt: skip
