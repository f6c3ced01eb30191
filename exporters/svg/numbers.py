"""The values of a tensor for the picture: as float64 for colours, and as text in the fewest digits of its dtype."""

import functools
import math

import numpy as np
from numpy.typing import NDArray

from cnnkit.exporters.core.weight_file import Array

Floats = NDArray[np.float64]
# exponent bits, mantissa bits, bias, has infinities, the only NaN is negative zero
_FLOAT8 = {
    "float8_e4m3fn": (4, 3, 7, False, False),
    "float8_e5m2": (5, 2, 15, True, False),
    "float8_e4m3fnuz": (4, 3, 8, False, True),
    "float8_e5m2fnuz": (5, 2, 16, False, True),
    "float8_e8m0fnu": (8, 0, 127, False, False),
}


def floats(array: Array, dtype: str) -> Floats:
    """Return the values as float64; of a complex number the magnitude, of raw bits what they mean."""
    if dtype in _FLOAT8:
        return _table(dtype)[array]
    with np.errstate(over="ignore", invalid="ignore"):
        if dtype == "bfloat16":
            return (array.astype(np.uint32) << 16).view(np.float32).astype(np.float64)
        return np.abs(array).astype(np.float64) if array.dtype.kind == "c" else array.astype(np.float64)


def digits(array: Array, dtype: str) -> list[str]:
    """Return every value, in C order, in the fewest digits that mean the same bits in `dtype`."""
    flat = array.reshape(-1)
    if dtype == "bfloat16" or dtype in _FLOAT8:
        codes, back = np.unique(flat, return_inverse=True)
        texts = [_shortest(value, dtype) for value in floats(codes, dtype).tolist()]
        return [texts[i] for i in back.reshape(-1)]
    if dtype == "float64" or flat.dtype.kind in "biu":
        return [str(value) for value in flat.tolist()]
    return [str(value).strip("()") for value in flat]


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
    table = _table(dtype)
    finite = np.unique(table[np.isfinite(table)])
    first, second = np.argsort(np.abs(finite - value), kind="stable")[:2]
    return math.nan if abs(finite[first] - value) == abs(finite[second] - value) else float(finite[first])


@functools.cache
def _table(dtype: str) -> Floats:
    """Return what each of the 256 codes means (OCP 8-bit floating point; "fnuz": one zero, one NaN)."""
    exponents, mantissas, bias, infinite, unsigned_zero = _FLOAT8[dtype]
    return np.array([_decoded(code, exponents, mantissas, bias, infinite, unsigned_zero) for code in range(256)])


def _decoded(code: int, exponents: int, mantissas: int, bias: int, infinite: bool, unsigned_zero: bool) -> float:
    if exponents == 8:
        return math.nan if code == 255 else math.ldexp(1, code - bias)
    sign = -1.0 if code & 128 else 1.0
    exponent, mantissa = code >> mantissas & (1 << exponents) - 1, code & (1 << mantissas) - 1
    top = exponent == (1 << exponents) - 1
    if unsigned_zero and code == 128:
        return math.nan
    if infinite and top:
        return math.nan if mantissa else sign * math.inf
    if not infinite and not unsigned_zero and top and mantissa == (1 << mantissas) - 1:
        return math.nan
    if not exponent:
        return sign * math.ldexp(mantissa, 1 - bias - mantissas)
    return sign * math.ldexp((1 << mantissas) + mantissa, exponent - bias - mantissas)
