"""Operators that pass their input on: identities, casts between floats, dropout."""

from cnnkit.adopting.onnx.operands import Operand
from cnnkit.adopting.onnx.operation import Operation
from cnnkit.adopting.onnx.operators.conversion import Table
from cnnkit.exporters.onnx.tensor_proto import TYPES


def _convert_cast(operation: Operation) -> Operand:
    name = TYPES.get(operation.integer("to"), "another type")
    if "float" not in name or "float8" in name:
        raise operation.refuse(f"casts activations to {name}, which layers do not compute in")
    return operation.flow()


def _convert_cast_like(operation: Operation) -> Operand:
    other = operation.operand(1)
    if "float" not in getattr(other, "dtype", "float32"):
        raise operation.refuse("casts activations to whole numbers, which layers do not compute in")
    return operation.flow()


def _convert_dropout(operation: Operation) -> Operand:
    if operation.read_result(1):
        raise operation.refuse("gives its mask, which cnnkit does not")
    if operation.version >= 12:
        rate = operation.scalar_of(1) if operation.has(1) else 0.5
        if rate and operation.has(2) and operation.scalar_of(2):
            raise operation.refuse("drops values at random (exported for training): export it for inference")
    else:
        rate = operation.real("ratio", 0.5)
    if not 0 <= rate < 1:
        raise operation.refuse(f"drops {rate} of all values")
    rate = float(f"{rate:.7g}")
    return operation.make("Dropout", operation.flow(), rate=rate) if rate else operation.flow()


PASSING_OPERATORS: Table = {
    "Cast": _convert_cast,
    "CastLike": _convert_cast_like,
    "Dropout": _convert_dropout,
    "Identity": lambda operation: operation.operand(0),
}
