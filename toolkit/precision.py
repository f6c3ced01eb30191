"""The types that a network may be asked to compute in, and what half precision means for each of its arrays.

Half precision is mixed: parameters, running statistics, an optimizer's slots, images and outputs are float32; the
products between them take 16-bit factors. Micikevicius et al. 2018.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

HALF = ("bfloat16", "float16")
DTYPES = ("float32", "float64", *HALF)
EPSILON = {"bfloat16": 2.0**-8, "float16": 2.0**-11, "float32": 2.0**-24, "float64": 2.0**-53}  # of one rounding
_LARGEST = {"bfloat16": (2 - 2.0**-7) * 2.0**127, "float16": 65504.0}


def array_dtype(dtype: str) -> str:
    """Return the type of parameters, slots, images and outputs: float32 in half precision, else `dtype`."""
    return "float32" if dtype in HALF else dtype


def find_limit(dtype: str) -> float:
    """Return the largest number of a floating-point type: 3.4e38 of float32."""
    return _LARGEST.get(dtype) or float(np.finfo(dtype).max)


def find_itemsize(dtype: str) -> int:
    """Return the bytes of one value between layers."""
    return 2 if dtype in HALF else np.dtype(dtype).itemsize


def round_values(values: NDArray[Any], dtype: str) -> NDArray[np.float32]:
    """Return float32 values rounded to the 16-bit type `dtype`, to nearest and ties to even."""
    with np.errstate(over="ignore"):
        narrow = np.asarray(values, np.float32)
        if dtype == "float16":
            return narrow.astype(np.float16).astype(np.float32)
    bits = narrow.view(np.uint32)
    bits = bits + (np.uint32(0x7FFF) + (bits >> np.uint32(16) & np.uint32(1))) & np.uint32(0xFFFF0000)
    return np.where(np.isnan(narrow), narrow, bits.view(np.float32))
