"""Names of element types, as stored, and the NumPy types that carry their bits."""

import functools

import numpy as np

from cnnkit.exporters.core.small_floats import FLOAT8

_NATIVE = (
    "bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 float32 float64 complex64 complex128".split()  # noqa: SIM905
)
# NumPy lacks these types: arrays hold their raw bits.
_RAW = {"bfloat16": "uint16"} | dict.fromkeys(FLOAT8, "uint8")


@functools.cache
def carrier(dtype: str) -> np.dtype[np.generic]:
    """Return the NumPy dtype that carries the bits of element type `dtype` ("bfloat16" -> uint16).

    Raises ValueError for a name that is not known.
    """
    if dtype not in _RAW and dtype not in _NATIVE:
        raise ValueError(f"element type {dtype!r} is not one of {', '.join([*_NATIVE, *_RAW])}")
    return np.dtype(_RAW.get(dtype, dtype))


def is_raw(dtype: str) -> bool:
    """Return whether arrays of element type `dtype` hold raw bits, because NumPy lacks it."""
    return dtype in _RAW
