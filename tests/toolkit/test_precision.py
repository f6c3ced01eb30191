"""What the 16-bit types hold, against ml_dtypes and NumPy."""

import ml_dtypes
import numpy as np
import pytest

from cnnkit.precision import EPSILON, HALF, array_dtype, find_itemsize, find_limit, round_values

TYPES = {"bfloat16": np.dtype(ml_dtypes.bfloat16), "float16": np.dtype(np.float16)}


@pytest.mark.parametrize("dtype", HALF)
def test_values_are_rounded_as_others_round_them(dtype) -> None:
    bits = np.random.default_rng(0).integers(0, 1 << 32, 100_000, dtype=np.uint32)
    edges = np.array([0.0, -0.0, 65504.0, 65519.0, 65520.0, 6e-8, 2.0**-25, 1 + 2.0**-8, 1 + 3 * 2.0**-8, np.inf], "f4")
    values = np.concatenate([bits.view(np.float32), edges])
    with np.errstate(all="ignore"):
        wanted = values.astype(TYPES[dtype]).astype(np.float32)
    found = round_values(values, dtype)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, wanted)
    np.testing.assert_array_equal(np.signbit(found[~np.isnan(found)]), np.signbit(wanted[~np.isnan(wanted)]))


@pytest.mark.parametrize("dtype", HALF)
def test_limit_rounding_and_size_are_those_of_the_type(dtype) -> None:
    info = ml_dtypes.finfo(TYPES[dtype])
    assert find_limit(dtype) == float(info.max)
    assert EPSILON[dtype] == float(info.eps) / 2
    assert find_itemsize(dtype) == TYPES[dtype].itemsize == 2
    assert array_dtype(dtype) == "float32"


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_whole_types_are_themselves(dtype) -> None:
    assert array_dtype(dtype) == dtype
    assert find_limit(dtype) == float(np.finfo(dtype).max)
    assert EPSILON[dtype] == np.finfo(dtype).eps / 2
    assert find_itemsize(dtype) == np.dtype(dtype).itemsize
