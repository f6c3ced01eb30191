"""Functions of one value, and the softmaxes."""

import math
from typing import Any

import numpy as np

from cnnkit.adopting.onnx.affine import fit_constant, rescale
from cnnkit.adopting.onnx.operands import Flow
from cnnkit.adopting.onnx.operation import Operation
from cnnkit.adopting.onnx.operators.conversion import Conversion, Table

_SELU = 1.6732632423543772, 1.0507009873554805


def _plain(layer: str) -> Conversion:
    """Return the conversion of an operator without attributes."""
    return lambda operation: operation.make(layer, operation.flow())


def _convert_clip(operation: Operation) -> Flow:
    x, bounds = operation.flow(), []
    for index, name in ((1, "min"), (2, "max")):
        if operation.version >= 11:
            bounds.append(operation.scalar_of(index) if operation.has(index) else None)
        else:
            bounds.append(operation.real(name, 0.0) if name in operation.node.attributes else None)
    low, high = (None if bound is None or abs(bound) >= 3.4028e38 else bound for bound in bounds)
    if low is None and high is None:
        return x
    if (low, high) == (0.0, None):
        return operation.make("ReLU", x)
    if (low, high) == (0.0, 6.0):
        return operation.make("ReLU6", x)
    if low is not None and high is not None and low > high:
        low = high
    return operation.make("Clip", x, low=low, high=high)


def _convert_prelu(operation: Operation) -> Flow:
    x, slopes = operation.flow(), operation.known(1)
    if len(slopes.shape) == 1 and slopes.shape[0] == x.shape[0] != x.shape[-1]:  # what some exporters mean
        slopes = slopes.change(
            "for channels", (slopes.shape[0], *(1,) * (x.rank - 2)), lambda s: s.reshape(-1, *(1,) * (x.rank - 2))
        )
    slopes = fit_constant(operation, slopes, x)
    axes = tuple(axis for axis, extent in enumerate(slopes.shape) if extent > 1)
    shape = tuple(slopes.shape[axis] for axis in axes) or (1,)
    return operation.make("PReLU", x, {"weight": slopes.change("slopes", shape, lambda s: s.reshape(shape))}, axes=axes)


def _convert_selu(operation: Operation) -> Flow:
    x = operation.flow()
    alpha, gamma = operation.real("alpha", _SELU[0]), operation.real("gamma", _SELU[1])
    if np.allclose((alpha, gamma), _SELU, rtol=1e-6, atol=0):
        return operation.make("SELU", x)
    return rescale(operation, operation.make("ELU", x, alpha=alpha), factor=gamma)


def _convert_hard_sigmoid(operation: Operation) -> Flow:
    slope, shift = operation.real("alpha", 0.2), operation.real("beta", 0.5)
    slope = 1 / 6 if math.isclose(slope, 1 / 6, rel_tol=1e-6) else slope
    return operation.make("Hardsigmoid", operation.flow(), slope=slope, shift=shift)


def _convert_gelu(operation: Operation) -> Flow:
    form = operation.text("approximate", "none")
    if form not in ("none", "tanh"):
        raise operation.refuse(f"GELU approximated by {form!r}")
    fields: dict[str, Any] = {"approximate": "tanh"} if form == "tanh" else {}
    return operation.make("GELU", operation.flow(), **fields)


def _convert_swish(operation: Operation) -> Flow:
    alpha = operation.real("alpha", 1.0)
    inner = operation.make("SiLU", rescale(operation, operation.flow(), factor=alpha))
    return rescale(operation, inner, factor=1 / alpha) if alpha else rescale(operation, operation.flow(), factor=0.5)


def _convert_softmax(operation: Operation, layer: str) -> Flow:
    x = operation.flow()
    before = operation.version < 13  # then all axes from `axis` on count as one
    axis = operation.axis(operation.integer("axis", 1 if before else -1), x.rank)
    return operation.make(layer, x, axes=operation.axes(range(axis, x.rank) if before else (axis,), x.rank))


def _convert_shrink(operation: Operation) -> Flow:
    bias, bound = operation.real("bias", 0.0), operation.real("lambd", 0.5)
    if bias != bound or bound < 0:
        raise operation.refuse("cnnkit has no such operation where bias and lambd differ")
    x = operation.flow()
    return operation.make("Subtract", (x, operation.make("Clip", x, low=-bound, high=bound)))


ACTIVATION_OPERATORS: Table = {
    "Abs": _plain("Abs"),
    "Celu": lambda operation: operation.make("CELU", operation.flow(), alpha=operation.real("alpha", 1.0)),
    "Clip": _convert_clip,
    "Elu": lambda operation: operation.make("ELU", operation.flow(), alpha=operation.real("alpha", 1.0)),
    "Erf": lambda operation: operation.stand("Erf", operation.flow()),
    "Exp": _plain("Exp"),
    "Gelu": _convert_gelu,
    "HardSigmoid": _convert_hard_sigmoid,
    "HardSwish": _plain("Hardswish"),
    "LeakyRelu": lambda operation: operation.make("LeakyReLU", operation.flow(), slope=operation.real("alpha", 0.01)),
    "Log": _plain("Log"),
    "LogSoftmax": lambda operation: _convert_softmax(operation, "LogSoftmax"),
    "Mish": _plain("Mish"),
    "PRelu": _convert_prelu,
    "Reciprocal": _plain("Reciprocal"),
    "Relu": _plain("ReLU"),
    "Selu": _convert_selu,
    "Shrink": _convert_shrink,
    "Sigmoid": _plain("Sigmoid"),
    "Softmax": lambda operation: _convert_softmax(operation, "Softmax"),
    "Softplus": _plain("Softplus"),
    "Softsign": _plain("Softsign"),
    "Sqrt": _plain("Sqrt"),
    "Swish": _convert_swish,
    "Tanh": _plain("Tanh"),
    "ThresholdedRelu": lambda operation: operation.make(
        "ThresholdedReLU", operation.flow(), threshold=operation.real("alpha", 1.0)
    ),
}
