"""The values of a tensor for the picture: as float64 for colours, and exactly, in the fewest digits of its dtype."""

import functools
import math

import numpy as np
from numpy.typing import NDArray

from cnnkit.exporters.core.element_types import is_raw
from cnnkit.exporters.core.small_floats import decode
from cnnkit.exporters.core.weight_file import Array

Floats = NDArray[np.float64]


def floats(array: Array, dtype: str) -> Floats:
    """Return the values as float64; of a complex number the magnitude, of raw bits what they mean."""
    values = decode(array, dtype)
    with np.errstate(over="ignore", invalid="ignore"):
        return np.abs(values).astype(np.float64) if values.dtype.kind == "c" else values.astype(np.float64)


def digits(array: Array, dtype: str) -> list[str]:
    """Return every value, in C order, in the fewest digits that mean the same bits in `dtype`."""
    flat = array.reshape(-1)
    if is_raw(dtype):
        codes, back = np.unique(flat, return_inverse=True)
        texts = [_shortest(value, dtype) for value in floats(codes, dtype).tolist()]
        return [texts[i] for i in back.reshape(-1)]
    if dtype == "float64" or flat.dtype.kind in "biu":
        return [str(value) for value in flat.tolist()]
    return [_plain(str(value)) for value in flat]


def _plain(text: str) -> str:
    return text.strip("()")


def _shortest(value: float, dtype: str) -> str:
    if not math.isfinite(value) or value == 0 or dtype == "float8_e8m0fnu":
        return str(value)
    meant = _nearest_bfloat16 if dtype == "bfloat16" else functools.partial(_nearest_float8, dtype)
    texts = (f"{value:.{count}g}" for count in range(1, 18))
    return str(float(next(text for text in texts if meant(float(text)) == value)))


def _nearest_bfloat16(value: float) -> float:
    """Return the bfloat16 that `value` rounds to, ties to even; it has 8 significant bits and float32's exponents."""
    fraction, exponent = math.frexp(value)
    unit = max(exponent - 8, -133)
    return math.ldexp(round(math.ldexp(fraction, exponent - unit)), unit)


def _nearest_float8(dtype: str, value: float) -> float:
    """Return the nearest of the 256 numbers, NaN where two are as near."""
    table = decode(np.arange(256), dtype).astype(np.float64)
    finite = np.unique(table[np.isfinite(table)])
    first, second = np.argsort(np.abs(finite - value), kind="stable")[:2]
    return math.nan if abs(finite[first] - value) == abs(finite[second] - value) else float(finite[first])
