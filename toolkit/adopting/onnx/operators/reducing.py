"""Sums, means and extremes along axes."""

from cnnkit.adopting.onnx.operands import Flow
from cnnkit.adopting.onnx.operation import Operation
from cnnkit.adopting.onnx.operators.conversion import Conversion, Table
from cnnkit.adopting.onnx.operators.pooling import pool_all

_GLOBAL = {"mean": "Avg", "max": "Max"}


def read_axes(operation: Operation, since: int) -> tuple[int, ...] | None:
    """Return the axes, an attribute before version `since` and an input from it on; None where they are left out."""
    if operation.version < since:
        return operation.integers("axes")
    return operation.integers_of(1) if operation.has(1) else None


def _reduce(kind: str, since: int = 18) -> Conversion:
    """Return the conversion of a reduction. since: the version from which its axes are an input."""

    def convert(operation: Operation) -> Flow:
        return reduce_flow(operation, operation.flow(), kind, since)

    return convert


def reduce_flow(operation: Operation, x: Flow, kind: str, since: int = 18) -> Flow:
    """Return x reduced along the axes that the operation names."""
    axes = read_axes(operation, since)
    if not axes and operation.integer("noop_with_empty_axes"):  # each value is reduced by itself
        return operation.make("Abs", x) if kind in ("l1", "l2") else x
    axes = operation.axes(axes or range(x.rank), x.rank)
    keep = bool(operation.integer("keepdims", 1))
    if x.rank in (3, 4, 5) and axes == tuple(range(2, x.rank)) and kind in _GLOBAL:
        return pool_all(operation, x, _GLOBAL[kind], keep=keep)
    return operation.make("Reduce", x, kind=kind, axes=axes, keepdims=keep)


def _reduce_squares(operation: Operation) -> Flow:
    return reduce_flow(operation, operation.make("Square", operation.flow()), "sum")


def _reduce_log(operation: Operation) -> Flow:
    return operation.make("Log", reduce_flow(operation, operation.flow(), "sum"))


def _reduce_log_exp(operation: Operation) -> Flow:
    powers = operation.make("Exp", operation.flow())
    return operation.make("Log", reduce_flow(operation, powers, "sum"))


REDUCING_OPERATORS: Table = {
    "ReduceL1": _reduce("l1"),
    "ReduceL2": _reduce("l2"),
    "ReduceLogSum": _reduce_log,
    "ReduceLogSumExp": _reduce_log_exp,
    "ReduceMax": _reduce("max"),
    "ReduceMean": _reduce("mean"),
    "ReduceMin": _reduce("min"),
    "ReduceProd": _reduce("prod"),
    "ReduceSum": _reduce("sum", 13),
    "ReduceSumSquare": _reduce_squares,
}
