"""Pools with windows, and those over all of an image."""

from typing import Any

from cnnkit.adopting.onnx.operands import Flow
from cnnkit.adopting.onnx.operation import Operation
from cnnkit.adopting.onnx.operators.conversion import Conversion, Table
from cnnkit.adopting.onnx.operators.windows import read_window


def _convert_pool(operation: Operation, kind: str) -> Flow:
    x = operation.flow()
    if operation.read_result(1):
        raise operation.refuse("gives the places of the maxima, which cnnkit does not")
    fields: dict[str, Any] = read_window(operation, x, None).simplify()
    if operation.integer("ceil_mode"):
        fields["ceil_mode"] = True
    if kind == "AvgPool":
        fields["count_padding"] = bool(operation.integer("count_include_pad"))
    return operation.make(f"{kind}{x.rank - 2}D", x, **fields)


def _pool_all(kind: str) -> Conversion:
    def convert(operation: Operation) -> Flow:
        return pool_all(operation, operation.flow(), kind, keep=True)

    return convert


def pool_all(operation: Operation, x: Flow, kind: str, *, keep: bool) -> Flow:
    """Return the mean ("Avg") or maximum ("Max") over all spatial axes of x. keep: as axes of extent 1."""
    if x.rank - 2 not in (1, 2, 3):
        raise operation.refuse(f"pools over {x.rank - 2} axes, where cnnkit has 1, 2 and 3")
    return operation.make(f"Global{kind}Pool{x.rank - 2}D", x, keepdims=keep)


POOLING_OPERATORS: Table = {
    "AveragePool": lambda operation: _convert_pool(operation, "AvgPool"),
    "GlobalAveragePool": _pool_all("Avg"),
    "GlobalMaxPool": _pool_all("Max"),
    "MaxPool": lambda operation: _convert_pool(operation, "MaxPool"),
}
