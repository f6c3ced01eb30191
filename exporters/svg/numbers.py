"""The values of a tensor for the picture: as float64 for colours, and as text in the fewest digits of its dtype."""

import functools
import math

import numpy as np
from numpy.typing import NDArray

from cnnkit.exporters.core.element_types import is_raw
from cnnkit.exporters.core.small_floats import decode
from cnnkit.exporters.core.weight_file import Array

Floats = NDArray[np.float64]


def decode_floats(array: Array, dtype: str) -> Floats:
    """Return the values as float64; complex numbers by their magnitude, raw bits decoded."""
    values = decode(array, dtype)
    with np.errstate(over="ignore", invalid="ignore"):
        return np.abs(values).astype(np.float64) if values.dtype.kind == "c" else values.astype(np.float64)


def write_digits(array: Array, dtype: str) -> list[str]:
    """Return every value, in C order, in the fewest digits that give the same bits in `dtype`."""
    flat = array.reshape(-1)
    if is_raw(dtype):
        codes, positions = np.unique(flat, return_inverse=True)
        texts = [_find_shortest(value, dtype) for value in decode_floats(codes, dtype).tolist()]
        return [texts[i] for i in positions.reshape(-1)]
    if dtype == "float64" or flat.dtype.kind in "biu":
        return [str(value) for value in flat.tolist()]
    return [str(value).strip("()") for value in flat]


def _find_shortest(value: float, dtype: str) -> str:
    if not math.isfinite(value) or value == 0 or dtype == "float8_e8m0fnu":
        return str(value)
    nearest = _round_to_bfloat16 if dtype == "bfloat16" else functools.partial(_round_to_float8, dtype)
    texts = (f"{value:.{count}g}" for count in range(1, 18))
    return str(float(next(text for text in texts if nearest(float(text)) == value)))


def _round_to_bfloat16(value: float) -> float:
    """Return the bfloat16 that `value` rounds to, ties to even; it has 8 significant bits and float32's exponents."""
    fraction, exponent = math.frexp(value)
    unit = max(exponent - 8, -133)
    return math.ldexp(round(math.ldexp(fraction, exponent - unit)), unit)


def _round_to_float8(dtype: str, value: float) -> float:
    """Return the nearest of the 256 numbers, NaN where two are equally near."""
    table = decode(np.arange(256), dtype).astype(np.float64)
    finite = np.unique(table[np.isfinite(table)])
    first, second = np.argsort(np.abs(finite - value), kind="stable")[:2]
    return math.nan if abs(finite[first] - value) == abs(finite[second] - value) else float(finite[first])
