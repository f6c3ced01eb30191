"""bfloat16 and the 8-bit floating-point types, which NumPy lacks: arrays hold their raw bits, `decode` their values."""

import functools
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


class Float8(NamedTuple):
    """An 8-bit type of the Open Compute Project: exponent and mantissa bits, bias, and the codes that are not numbers.

    nan: "ieee" (the last exponent holds infinities and NaN), "all ones" (all bits but the sign), "-0" (this code alone)
    """

    exponent: int
    mantissa: int
    bias: int
    nan: str


FLOAT8 = {
    "float8_e4m3fn": Float8(4, 3, 7, "all ones"),
    "float8_e5m2": Float8(5, 2, 15, "ieee"),
    "float8_e4m3fnuz": Float8(4, 3, 8, "-0"),
    "float8_e5m2fnuz": Float8(5, 2, 16, "-0"),
    "float8_e8m0fnu": Float8(8, 0, 127, "all ones"),  # powers of two, without sign and zero
}


def decode(array: NDArray[Any], dtype: str) -> NDArray[Any]:
    """Return raw bits of element type `dtype` as float32, which is exact; an array of any other type as it is."""
    if dtype == "bfloat16":  # the upper half of a float32
        return (array.astype(np.uint32) << np.uint32(16)).view(np.float32)
    return _decode_all(dtype)[array] if dtype in FLOAT8 else array


@functools.cache
def _decode_all(dtype: str) -> NDArray[Any]:
    """Return the values of all 256 codes."""
    kind, codes = FLOAT8[dtype], np.arange(256)
    signed = kind.exponent + kind.mantissa < 8
    magnitude = codes & 127 if signed else codes
    exponent, fraction = magnitude >> kind.mantissa, magnitude & ((1 << kind.mantissa) - 1)
    if signed:  # without a sign bit there are no subnormal numbers either
        significand = fraction + np.where(exponent > 0, 1 << kind.mantissa, 0)
        values = np.ldexp(significand.astype(np.float64), np.maximum(exponent, 1) - kind.bias - kind.mantissa)
        values[codes >= 128] *= -1
    else:
        values = np.ldexp(1.0, exponent - kind.bias)
    if kind.nan == "-0":
        values[128] = np.nan
    elif kind.nan == "all ones":
        values[magnitude == magnitude.max()] = np.nan
    else:
        last = exponent == exponent.max()
        values[last] = np.where(fraction[last] > 0, np.nan, np.copysign(np.inf, values[last]))
    return np.asarray(values, np.float32)
