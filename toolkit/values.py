"""Which values of files and callers are numbers that can be computed with."""

import math
from numbers import Real
from typing import TypeGuard

LARGEST_COUNT = 2**63 - 1  # of whole numbers in arrays, and of the length of an axis

SEED_BITS = 1024  # of the largest seed


def is_finite(value: object) -> TypeGuard[float]:
    """Say whether value is a number, Python's or NumPy's, that a float can hold; True and False are none."""
    try:
        return not isinstance(value, bool) and isinstance(value, Real) and math.isfinite(value)
    except OverflowError:  # a whole number above 1.8e308
        return False


def is_number(value: object) -> TypeGuard[float]:
    """Say whether value is a number that is finite, and Python's, as JSON has them."""
    return isinstance(value, int | float) and is_finite(value)


def is_count(value: object, least: int = 0) -> TypeGuard[int]:
    """Say whether value is a whole number of Python from `least` to LARGEST_COUNT; True and False are none."""
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= LARGEST_COUNT
