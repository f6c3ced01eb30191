"""Gemm and MatMul with constant weights: Dense."""

from typing import Any

import numpy as np

from cnnkit.adopting.onnx.operands import Flow, Known, Operand
from cnnkit.adopting.onnx.operation import Operation
from cnnkit.adopting.onnx.operators.arithmetic import add
from cnnkit.adopting.onnx.operators.conversion import Table
from cnnkit.adopting.onnx.operators.shaping import reshape


def _transpose(known: Known) -> Known:
    return known.change("transposed", known.shape[::-1], np.transpose)


def _times(known: Known, factor: float) -> Known:
    return known if factor == 1 else known.change(f"times {factor}", known.shape, lambda v: v * v.dtype.type(factor))


def _convert_gemm(operation: Operation) -> Operand:
    x, weight = operation.flow(), operation.known(1)
    if operation.integer("transA"):
        raise operation.refuse("transposes its samples, which moves the axis of the batch")
    if x.rank != 2 or len(weight.shape) != 2:
        raise operation.refuse(f"expected samples and weights of 1 and 2 axes, got {x.shape} and {weight.shape}")
    weight = weight if operation.integer("transB") else _transpose(weight)
    weight = _times(weight, operation.real("alpha", 1.0))
    features, beta = weight.shape[0], operation.real("beta", 1.0)
    params = {"weight": weight}
    bias = operation.operand(2) if operation.has(2) and beta != 0 else None
    if isinstance(bias, Known) and bias.shape in ((), (1,), (1, 1), (features,), (1, features)):
        spread = bias.change("as a bias", (features,), lambda v: np.broadcast_to(v.reshape(-1), (features,)))
        return operation.make("Dense", x, params | {"bias": _times(spread, beta)}, features=features)
    y = operation.make("Dense", x, params, features=features, bias=False)
    if bias is None:
        return y
    if isinstance(bias, Flow) and beta != 1:
        raise operation.refuse(f"adds {beta} times an activation")
    return add(operation, y, _times(bias, beta) if isinstance(bias, Known) else bias)


def _convert_matmul(operation: Operation) -> Flow:
    x, weight = operation.operand(0), operation.operand(1)
    if isinstance(x, Flow) and isinstance(weight, Flow):
        raise operation.refuse("cnnkit has no product of two activations (attention)")
    if isinstance(weight, Flow):
        return _multiply_from_left(operation, x, weight)  # type: ignore[arg-type]  # one of each
    return multiply_last(operation, operation.flow(0), operation.known(1))


def multiply_last(operation: Operation, x: Flow, weight: Known) -> Flow:
    """Return x times a constant matrix (in, out) along the last axis of x, or times a vector, which leaves it out."""
    shape = weight.shape
    if len(shape) == 1 and x.rank > 2:
        matrix = weight.change("a column", (*shape, 1), lambda values: values[:, None])
        return reshape(operation, multiply_last(operation, x, matrix), x.shape[:-1])
    while len(shape) > 2 and shape[0] == 1:
        shape = shape[1:]
    if len(shape) > 2:
        raise operation.refuse(
            f"multiplies by matrices of shape {weight.shape} that differ from sample to sample or group"
        )
    if len(shape) != 2 or x.rank < 2:
        raise operation.refuse(f"expected a constant matrix, got shape {weight.shape}")
    flat = weight if shape == weight.shape else weight.change("flat", shape, lambda v: v.reshape(shape))
    fields: dict[str, Any] = {} if x.rank == 2 else {"axis": -1}
    return operation.make("Dense", x, {"weight": _transpose(flat)}, features=shape[1], bias=False, **fields)


def _multiply_from_left(operation: Operation, weight: Known, x: Flow) -> Flow:
    if len(weight.shape) != 2 or x.rank < 3:
        raise operation.refuse(f"multiplies samples of shape {x.shape} from the left by shape {weight.shape}")
    order = (*range(x.rank - 2), x.rank - 1, x.rank - 2)
    turned = operation.make("Transpose", x, axes=order)
    return operation.make("Transpose", multiply_last(operation, turned, _transpose(weight)), axes=order)


PRODUCT_OPERATORS: Table = {"Gemm": _convert_gemm, "MatMul": _convert_matmul}
