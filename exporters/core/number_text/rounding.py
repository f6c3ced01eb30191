"""Rounds decimals to an element type once: through float64, and exactly where that would round twice."""

from collections.abc import Callable
from fractions import Fraction

import numpy as np

from cnnkit.exporters.core.float_types import FloatType
from cnnkit.exporters.core.weight_file import Array


def round_to_nearest(values: Array, kind: FloatType, decimal: Callable[[int], Fraction]) -> Array:
    """Return the bits of `kind` nearest to decimals, ties to even.

    values   the decimals, each rounded to float64
    decimal  returns the exact decimal at an index; called where its float64 lies halfway between two values of `kind`
    """
    bits = kind.from_float64(values)
    if kind.name == "float64":
        return bits
    # A halfway point has one bit more than the type; the lower bits of its float64 are zeros.
    tail = np.uint64((1 << (52 - kind.mantissa - 1)) - 1)
    suspects = np.flatnonzero((values.view(np.uint64) & tail) == 0)
    wide, near = values[suspects], _bound(kind, bits[suspects])
    inexact = wide != near
    suspects, wide, near = suspects[inexact], wide[inexact], near[inexact]
    if suspects.size:
        outward = np.abs(wide) > np.abs(near)
        one = kind.carrier.type(1)
        other = np.where(outward, bits[suspects] + one, bits[suspects] - one)
        halfway = wide - near == _bound(kind, other) - wide
        for index, rival, value in zip(suspects[halfway], other[halfway], wide[halfway], strict=True):
            exact, tie = abs(decimal(int(index))), abs(Fraction(float(value)))
            if exact != tie:
                bits[index] = max(bits[index], rival) if exact > tie else min(bits[index], rival)
    return bits


def _bound(kind: FloatType, bits: Array) -> Array:
    """Return values as float64, with the next power of two for an infinity: the tie below it overflows."""
    values = kind.to_float64(bits)
    return np.where(np.isinf(values), np.copysign(2.0 ** (1 << (kind.exponent - 1)), values), values)
