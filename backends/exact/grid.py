"""Grids of multiples of a power of two, on which float64 sums and sums of products are exact.

Values below 2^e that are multiples of the quantum 2^(e-b) are whole numbers of at most 2^b quanta. A sum of K products
of b-bit and c-bit values is at most K 2^(b+c) quanta, and float64 holds every whole number up to 2^53: no partial sum
is rounded if b + c + log2(K) <= 53, in whatever order it is added, with FMA or without. Ozaki et al. 2012.
"""

import math
from collections.abc import Sequence

from cnnkit.backends.arrays import Shape

SIGNIFICAND = 53  # bits of float64
MOST_BITS = 51  # that adding and subtracting 1.5 * 2^52 quanta rounds to
EXPONENT = 0x7FF0000000000000  # the bits of float64 that hold the exponent: alone they are a power of two


def bits_of_terms(terms: int) -> int:
    """Return the bits of each value in an exact sum of so many."""
    return min(SIGNIFICAND - _log2(terms), MOST_BITS)


def bits_of_factors(terms: int) -> tuple[int, int]:
    """Return the bits of the first and of the second factors in an exact sum of so many products."""
    bits = max(SIGNIFICAND - _log2(terms), 0)
    return min(bits // 2, MOST_BITS), min(bits - bits // 2, MOST_BITS)


def shift_factor(bits: int) -> float:
    """Return what times 2^floor(log2(largest)) is 1.5 * 2^52 quanta of a grid of so many bits."""
    return 3 * 2.0 ** (52 - bits)


def axes_of(axis: int | tuple[int, ...] | None, ndim: int) -> tuple[int, ...]:
    """Return the axes that a reduction names, each from 0 on."""
    if axis is None:
        return tuple(range(ndim))
    return tuple(one % ndim for one in ((axis,) if isinstance(axis, int) else axis))


def count_terms(shape: Shape, axes: Sequence[int]) -> int:
    """Return how many values each sum over these axes adds."""
    return math.prod(shape[axis] for axis in axes)


def _log2(terms: int) -> int:
    """Return log2, rounded up."""
    return max(terms - 1, 0).bit_length()
