"""Arithmetic, comparison and logic on constants."""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from cnnkit.adopting.onnx.folding.fold import Fold, FoldError, FoldFunction, Table, as_tensor
from cnnkit.adopting.onnx.operands import Values
from cnnkit.exporters.onnx.tensor_proto import TYPES

_NUMPY = frozenset(
    ("float16", "float32", "float64", "bool", *(f"{s}int{n}" for s in ("", "u") for n in (8, 16, 32, 64)))
)


def _join(function: Callable[[Any, Any], Any]) -> FoldFunction:
    """Return the fold of a function of two arrays or more, which are broadcast."""

    def compute(operands: Fold) -> Values:
        arrays = [operands[index] for index in range(len(operands.inputs))]
        shape = np.broadcast_shapes(*(array.shape for array in arrays))
        operands.reserve(_count(shape), max((array.dtype for array in arrays), key=lambda dtype: dtype.itemsize))
        return np.asarray(functools.reduce(function, arrays))

    return compute


def _map(function: Callable[[Any], Any]) -> FoldFunction:
    """Return the fold of a function of one array that keeps its type."""

    def compute(operands: Fold) -> Values:
        x = operands[0]
        operands.reserve(x.size, x.dtype)
        return np.asarray(function(x)).astype(x.dtype if x.dtype.kind != "b" else bool, copy=False)

    return compute


def _count(shape: tuple[int, ...]) -> int:
    count = 1
    for extent in shape:
        count *= extent
    return count


def _divide(x: Values, y: Values) -> Values:
    if x.dtype.kind not in "iu":
        return np.asarray(x / y)
    if (y == 0).any():
        raise FoldError("divides by zero")
    return np.asarray(np.sign(x) * np.sign(y) * (np.abs(x) // np.abs(y))).astype(x.dtype)  # towards zero


def _take_remainder(operands: Fold) -> Values:
    x, y = operands[0], operands[1]
    if x.dtype.kind in "iu" and (y == 0).any():
        raise FoldError("divides by zero")
    return np.asarray(np.fmod(x, y) if operands.integer("fmod") else np.mod(x, y))


def _choose(operands: Fold) -> Values:
    shape = np.broadcast_shapes(*(operands[index].shape for index in range(3)))
    operands.reserve(_count(shape), operands[1].dtype)
    return np.where(operands[0], operands[1], operands[2])


def _clip(operands: Fold) -> Values:
    low = operands[1] if operands.has(1) else operands.attribute("min")
    high = operands[2] if operands.has(2) else operands.attribute("max")
    x = operands[0]
    x = x if low is None else np.maximum(x, np.asarray(low, x.dtype))
    return x if high is None else np.minimum(x, np.asarray(high, x.dtype))


def cast(operands: Fold) -> Values:
    """Return the values in the type that attribute `to` names by number."""
    name = TYPES.get(operands.integer("to"), "another type")
    if name not in _NUMPY:
        raise FoldError(f"casts to {name}")
    return _convert(operands, np.dtype(name))


def _convert(operands: Fold, dtype: np.dtype[Any]) -> Values:
    x = operands[0]
    if x.size and not any(x.strides):  # one number, repeated: no memory
        return np.broadcast_to(x.reshape(-1)[:1].astype(dtype).reshape((1,) * x.ndim), x.shape)
    operands.reserve(x.size, dtype)
    return x.astype(dtype)


def _take_power(x: Values, y: Values) -> Values:
    return np.power(x, y).astype(x.dtype)


def _average(operands: Fold) -> Values:
    return np.asarray(_join(np.add)(operands)) / len(operands.inputs)


def _tell_constant(operands: Fold) -> Values:
    """Return the value of a Constant, whatever attribute holds it."""
    for name in ("value", "value_float", "value_floats", "value_int", "value_ints"):
        value = operands.attribute(name)
        if value is not None and name == "value":
            return as_tensor(value).read()
        if value is not None:
            return np.asarray(value, np.float32 if "float" in name else np.int64)
    raise FoldError("its value is a text or a sparse tensor")


ARITHMETIC: Table = {
    "Add": _join(np.add),
    "And": _join(np.logical_and),
    "Cast": cast,
    "CastLike": lambda operands: _convert(operands, operands[1].dtype),
    "Clip": _clip,
    "Constant": _tell_constant,
    "Div": _join(_divide),
    "Equal": _join(np.equal),
    "Greater": _join(np.greater),
    "GreaterOrEqual": _join(np.greater_equal),
    "Less": _join(np.less),
    "LessOrEqual": _join(np.less_equal),
    "Max": _join(np.maximum),
    "Mean": _average,
    "Min": _join(np.minimum),
    "Mod": _take_remainder,
    "Mul": _join(np.multiply),
    "Or": _join(np.logical_or),
    "Pow": _join(_take_power),
    "Sub": _join(np.subtract),
    "Sum": _join(np.add),
    "Where": _choose,
    "Xor": _join(np.logical_xor),
    "Abs": _map(np.abs),
    "Ceil": _map(np.ceil),
    "Cos": _map(np.cos),
    "Exp": _map(np.exp),
    "Floor": _map(np.floor),
    "Identity": lambda operands: operands[0],
    "Log": _map(np.log),
    "Neg": _map(np.negative),
    "Not": _map(np.logical_not),
    "Reciprocal": _map(lambda x: 1 / x),
    "Relu": _map(lambda x: np.maximum(x, 0)),
    "Round": _map(np.round),
    "Sign": _map(np.sign),
    "Sin": _map(np.sin),
    "Sqrt": _map(np.sqrt),
}
