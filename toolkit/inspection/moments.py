"""Extent, mean and spread of numbers that come in pieces.

Each piece has its own mean, and pieces are joined by the rule of Chan, Golub and LeVeque (1983): stable where the mean
is large beside the spread. All is counted in a unit, a power of two, so that squares neither overflow nor vanish.
"""

import math

import numpy as np
from numpy.typing import NDArray

_LARGE, _SMALL = 2.0**400, 2.0**-400
_DOT = 8192  # values of a dot product: of more, BLAS would make work for several threads, which wait for each other


class Moments:
    """Of float64 values, all finite; joined piece by piece."""

    def __init__(self) -> None:
        self._count = 0
        self._low, self._high = math.inf, -math.inf
        self._unit, self._mean, self._squares = 1.0, 0.0, 0.0

    def add(self, values: NDArray[np.float64], squares: float | None = None) -> None:
        """Join a piece; changes `values`. squares: the sum of its squares, where that is known."""
        if not values.size:
            return
        low, high = float(values.min()), float(values.max())
        self._low, self._high = min(low, self._low), max(high, self._high)
        unit = _choose_unit(max(-low, high)) or self._unit  # zeros have any unit
        if unit != 1.0:
            values /= unit
        if squares is None or unit != 1.0:
            squares = _sum_squares(values)
        mean = float(values.sum()) / values.size
        about_mean = squares - values.size * mean**2
        if about_mean < squares / 2:  # cancellation: the mean is large beside the spread
            values -= mean
            about_mean = _sum_squares(values)
        self._join(values.size, unit, mean, about_mean)

    def _join(self, size: int, unit: float, mean: float, squares: float) -> None:
        if not self._count:
            self._count, self._unit, self._mean, self._squares = size, unit, mean, squares
            return
        if not self._mean and not self._squares:
            self._unit = unit
        larger = max(unit, self._unit)
        mine, its = self._unit / larger, unit / larger
        total = self._count + size
        gap = mean * its - self._mean * mine
        self._squares = self._squares * mine**2 + squares * its**2 + gap**2 * (self._count / total) * size
        self._mean = self._mean * mine + gap * (size / total)
        self._count, self._unit = total, larger

    def result(self) -> tuple[float, float, float, float] | None:
        """Return (min, max, mean, std), the last of the population, or None when no value came."""
        if not self._count:
            return None
        return self._low, self._high, self._mean * self._unit, math.sqrt(self._squares / self._count) * self._unit


def _sum_squares(values: NDArray[np.float64]) -> float:
    parts = (values[start : start + _DOT] for start in range(0, values.size, _DOT))
    return math.fsum(float(np.dot(part, part)) for part in parts)


def _choose_unit(largest: float) -> float:
    """Return 1, for what is very large or very small the power of two of its magnitude, for zero 0."""
    if not largest:
        return 0.0
    if _SMALL < largest < _LARGE:
        return 1.0
    return math.ldexp(1.0, max(min(math.frexp(largest)[1], 1023), -1021))
