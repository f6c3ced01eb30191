"""Values of element types that NumPy lacks, decoded from their bits."""

import functools

import numpy as np

from cnnkit.exporters.core.weight_file import Array

# name: bits of mantissa, bias of the exponent, whether the last exponent holds infinities and NaN as in IEEE 754
_FLOAT8 = {
    "float8_e4m3fn": (3, 7, False),
    "float8_e5m2": (2, 15, True),
    "float8_e4m3fnuz": (3, 8, False),
    "float8_e5m2fnuz": (2, 16, False),
}


def decode(array: Array, dtype: str) -> Array:
    """Return the values of an array with stored element type `dtype`: exact, in a type that NumPy computes with."""
    if dtype == "bfloat16":  # the upper half of a float32
        upper: Array = array.astype(np.uint32) << np.uint32(16)
        return upper.view(np.float32)
    if dtype.startswith("float8"):
        values: Array = _table(dtype)[array]
        return values
    return array


@functools.cache
def _table(dtype: str) -> Array:
    """Return the values of all 256 patterns, as float32 (OCP 8-bit floating point, and the variants without -0)."""
    bits = np.arange(256)
    if dtype == "float8_e8m0fnu":
        table = np.ldexp(1.0, bits - 127)
        table[255] = np.nan
        return np.asarray(table, np.float32)
    mantissa, bias, ieee = _FLOAT8[dtype]
    exponent, fraction = (bits & 127) >> mantissa, bits & ((1 << mantissa) - 1)
    whole = fraction + np.where(exponent > 0, 1 << mantissa, 0)
    table = np.ldexp(whole.astype(np.float64), np.maximum(exponent, 1) - bias - mantissa)
    table[bits >= 128] *= -1
    if dtype.endswith("fnuz"):
        table[128] = np.nan
    elif ieee:
        last = exponent == (127 >> mantissa)
        table[last] = np.where(fraction[last] > 0, np.nan, np.copysign(np.inf, table[last]))
    else:
        table[[127, 255]] = np.nan
    return np.asarray(table, np.float32)
