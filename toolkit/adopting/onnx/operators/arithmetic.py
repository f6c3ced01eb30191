"""Sums, differences, products and quotients: of activations (joins) and of activations with constants."""

import functools
from typing import Any

import numpy as np

from cnnkit.adopting.onnx.affine import add_constant, fit_constant, multiply_by, read_number, rescale
from cnnkit.adopting.onnx.operands import Flow, Known, Operand, Values
from cnnkit.adopting.onnx.operation import Operation
from cnnkit.adopting.onnx.operators.conversion import Table
from cnnkit.adopting.onnx.patterns import find_norm, find_product, find_quotient


def join(operation: Operation, layer: str, *flows: Flow) -> Flow:
    """Return several activations joined; extents of 1 are repeated."""
    ranks = {flow.rank for flow in flows}
    if len(ranks) > 1:
        shapes = " and ".join(str(flow.shape) for flow in flows)
        raise operation.refuse(f"joins samples of shapes {shapes}, of which NumPy's rule would repeat the batch")
    return operation.make(layer, tuple(flows))


def add(operation: Operation, x: Operand, y: Operand) -> Operand:
    """Return x + y, of which one at least is an activation."""
    if isinstance(x, Known) or isinstance(y, Known):
        flow, known = (y, x) if isinstance(x, Known) else (x, y)
        return add_constant(operation, flow, known)  # type: ignore[arg-type]  # one of each
    return rescale(operation, x, factor=2.0) if x == y else join(operation, "Add", x, y)


def _convert_sub(operation: Operation) -> Flow:
    x, y = operation.operand(0), operation.operand(1)
    if isinstance(y, Known):
        return add_constant(operation, operation.flow(0), _negate(y))
    if isinstance(x, Known):
        return add_constant(operation, rescale(operation, y, factor=-1.0), x)
    return join(operation, "Subtract", x, y)


def _negate(known: Known) -> Known:
    return known.change("negated", known.shape, np.negative)


def _convert_mul(operation: Operation) -> Flow:
    x, y = operation.operand(0), operation.operand(1)
    if isinstance(x, Known) or isinstance(y, Known):
        flow, known = (y, x) if isinstance(x, Known) else (x, y)
        normed = find_norm(operation, flow, known)  # type: ignore[arg-type]  # one of each
        return normed or multiply_by(operation, flow, known)  # type: ignore[arg-type]
    if x == y:
        return operation.make("Square", x)
    for one, other in ((x, y), (y, x)):
        quotient = find_quotient(operation, one, other.draft.inputs[0]) if other.kind == "Reciprocal" else None
        if quotient is not None:
            return quotient
    return find_product(operation, x, y) or join(operation, "Multiply", x, y)


def _convert_div(operation: Operation) -> Flow:
    x, y = operation.operand(0), operation.operand(1)
    if isinstance(y, Known):
        flow = operation.flow(0)
        fitted = fit_constant(operation, y, flow)
        number = read_number(fitted)
        if number is not None and number != 0:
            return rescale(operation, flow, factor=1 / number)
        return multiply_by(operation, flow, fitted.change("inverted", fitted.shape, _invert))
    if isinstance(x, Known):
        return multiply_by(operation, operation.make("Reciprocal", y), x)
    return find_quotient(operation, x, y) or join(operation, "Divide", x, y)


def _invert(values: Values) -> Values:
    with np.errstate(all="ignore"):
        return np.asarray(1 / values)


def _convert_sum(operation: Operation) -> Operand:
    operands = [operation.operand(index) for index in range(len(operation.operands))]
    flows = [operand for operand in operands if isinstance(operand, Flow)]
    knowns = [operand for operand in operands if isinstance(operand, Known)]
    total: Operand = flows[0] if len(flows) == 1 else join(operation, "Add", *flows)
    return functools.reduce(functools.partial(add, operation), knowns, total)


def _convert_mean(operation: Operation) -> Operand:
    total = _convert_sum(operation)
    return rescale(operation, total, factor=1 / len(operation.operands))  # type: ignore[arg-type]  # a Flow


def _convert_extreme(operation: Operation, layer: str, bound: str) -> Flow:
    """Max and Min: of activations, and of activations with numbers."""
    operands = [operation.operand(index) for index in range(len(operation.operands))]
    flows = [operand for operand in operands if isinstance(operand, Flow)]
    y = flows[0] if len(flows) == 1 else join(operation, layer, *flows)
    for known in (operand for operand in operands if isinstance(operand, Known)):
        number = read_number(known)
        if number is None:
            raise operation.refuse("compares an activation with a constant that is no single number")
        bounds: dict[str, Any] = {bound: number}
        y = operation.make("ReLU", y) if bounds == {"low": 0} else operation.make("Clip", y, **bounds)
    return y


def _convert_pow(operation: Operation) -> Flow:
    exponent = operation.scalar_of(1)
    x = operation.flow()
    plain = {1.0: "", 2.0: "Square", 0.5: "Sqrt", -1.0: "Reciprocal"}
    if exponent in plain:
        return operation.make(plain[exponent], x) if plain[exponent] else x
    return operation.make("Power", x, exponent=exponent)


ARITHMETIC_OPERATORS: Table = {
    "Add": lambda operation: add(operation, operation.operand(0), operation.operand(1)),
    "Div": _convert_div,
    "Max": lambda operation: _convert_extreme(operation, "Maximum", "low"),
    "Mean": _convert_mean,
    "Min": lambda operation: _convert_extreme(operation, "Minimum", "high"),
    "Mul": _convert_mul,
    "Neg": lambda operation: rescale(operation, operation.flow(), factor=-1.0),
    "Pow": _convert_pow,
    "Sub": _convert_sub,
    "Sum": _convert_sum,
}
