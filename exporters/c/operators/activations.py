"""Activations in C: an expression of one number v, and softmax along axes."""

import math
from typing import Any

from cnnkit.exporters.c import code
from cnnkit.exporters.c.program import CProgram, CValue, Operator
from cnnkit.exporters.core.architecture import LayerFields

SOFTPLUS = "((v > 0 ? v : 0) + log1p(exp(-fabs(v))))"


def _write(expression: str, **defaults: float) -> Operator:
    """Return what writes a layer as an expression; {field} stands for a field of the layer."""

    def operator(program: CProgram, layer: LayerFields, x: CValue) -> CValue:
        fields = {name: code.number(float(layer.get(name, usual))) for name, usual in defaults.items()}
        return program.map(layer, x, expression.format(**fields))

    return operator


def _add_gelu(program: CProgram, layer: LayerFields, x: CValue) -> CValue:
    if layer.get("approximate", "none") == "tanh":
        inner = f"{code.number(math.sqrt(2 / math.pi))} * (v + 0.044715 * v * v * v)"
        return program.map(layer, x, f"0.5 * v * (1 + tanh({inner}))")
    return program.map(layer, x, f"0.5 * v * (1 + erf(v * {code.number(math.sqrt(0.5))}))")


def _clip(text: str, low: float | None, high: float | None) -> str:
    """Return a number between two bounds; NaN stays, unlike with fmin and fmax."""
    result = text
    if high is not None:
        result = f"({text} > {code.number(high)} ? {code.number(high)} : {result})"
    if low is not None:
        result = f"({text} < {code.number(low)} ? {code.number(low)} : {result})"
    return result


def _add_clip(program: CProgram, layer: LayerFields, x: CValue) -> CValue:
    low, high = (0.0, 6.0) if layer["type"] == "ReLU6" else (layer.get("low"), layer.get("high"))
    return program.map(layer, x, _clip("v", low, high))


def add_softmax(program: CProgram, layer: LayerFields, x: CValue) -> CValue:
    """Append a softmax, or its logarithm, along axes."""
    axes = sorted(axis % (len(x.shape) + 1) for axis in layer.get("axes", (1,)))
    names = code.name_indices(len(x.shape))
    outer = [(names[i], n) for i, n in enumerate(x.shape) if i + 1 not in axes]
    inner = [(names[i], n) for i, n in enumerate(x.shape) if i + 1 in axes]
    at = code.flat(names, x.shape)
    result = f"x[{at}] - largest - log(sum)" if layer["type"] == "LogSoftmax" else f"exp(x[{at}] - largest) / sum"
    body = [
        "double largest = -INFINITY, sum = 0;",
        *code.nest(inner, [f"if (x[{at}] > largest)", f"{code.INDENT}largest = x[{at}];"]),
        *code.nest(inner, [f"sum += exp(x[{at}] - largest);"]),
        *code.nest(inner, [f"y[{at}] = ({program.real})({result});"]),
    ]
    return program.add(layer, [x], x.shape, code.nest(outer, body))


def _add_prelu(program: CProgram, layer: LayerFields, x: CValue) -> CValue:
    axes = sorted(axis % (len(x.shape) + 1) for axis in layer.get("axes", (1,)))
    own = [x.shape[axis - 1] for axis in axes]
    weight, names = program.weight(layer["path"], "weight", own or [1]), code.name_indices(len(x.shape))
    slope = f"{weight}[{code.flat([names[axis - 1] for axis in axes], own) if axes else 0}]"
    at = code.flat(names, x.shape)
    body = [f"const double v = x[{at}];", f"y[{at}] = ({program.real})(v < 0 ? {slope} * v : v);"]
    return program.add(layer, [x], x.shape, code.nest(list(zip(names, x.shape, strict=True)), body))


_SELU: dict[str, Any] = {"alpha": 1.6732632423543772848, "scale": 1.0507009873554804934}
ACTIVATIONS: dict[str, Operator] = {
    "ReLU": _write("v < 0 ? 0 : v"),
    "LeakyReLU": _write("v < 0 ? {slope} * v : v", slope=0.01),
    "PReLU": _add_prelu,
    "ReLU6": _add_clip,
    "Clip": _add_clip,
    "ThresholdedReLU": _write("v > {threshold} ? v : 0", threshold=1.0),
    "Sigmoid": _write("1 / (1 + exp(-v))"),
    "Tanh": _write("tanh(v)"),
    "GELU": _add_gelu,
    "SiLU": _write("v / (1 + exp(-v))"),
    "Mish": _write(f"v * tanh({SOFTPLUS})"),
    "ELU": _write("v < 0 ? {alpha} * expm1(v) : v", alpha=1.0),
    "SELU": _write("{scale} * (v < 0 ? {alpha} * expm1(v) : v)", **_SELU),
    "CELU": _write("v < 0 ? {alpha} * expm1(v / {alpha}) : v", alpha=1.0),
    "Softplus": _write(SOFTPLUS),
    "Softsign": _write("v / (1 + fabs(v))"),
    "Hardsigmoid": _write(_clip("({slope} * v + {shift})", 0.0, 1.0), slope=1 / 6, shift=0.5),
    "Hardswish": _write(f"v * {_clip('(v / 6 + 0.5)', 0.0, 1.0)}"),
    "Softmax": add_softmax,
    "LogSoftmax": add_softmax,
    "Exp": _write("exp(v)"),
    "Log": _write("log(v)"),
    "Sqrt": _write("sqrt(v)"),
    "Abs": _write("fabs(v)"),
    "Square": _write("v * v"),
    "Reciprocal": _write("1 / v"),
    "Power": _write("pow(v, {exponent})", exponent=1.0),
}
