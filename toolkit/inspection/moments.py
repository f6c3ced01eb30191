"""Minimum, maximum, mean and standard deviation of numbers that come in pieces.

Each piece has its own mean; pieces are joined by the rule of Chan, Golub and LeVeque (1983), which is stable when the
mean is much larger than the deviation. Sums are in units of a power of two: squares neither overflow nor underflow.
"""

import math

import numpy as np
from numpy.typing import NDArray

_LARGE, _SMALL = 2.0**400, 2.0**-400
_DOT = 8192  # values per dot product: for more, BLAS starts threads that wait for each other


class Moments:
    """The moments of finite float64 values, joined piece by piece."""

    def __init__(self) -> None:
        self._count = 0
        self._low, self._high = math.inf, -math.inf
        self._unit, self._mean, self._squares = 1.0, 0.0, 0.0

    def add(self, values: NDArray[np.float64], squares: float | None = None) -> None:
        """Join a piece; overwrites `values`. squares: the sum of its squares, where known."""
        if not values.size:
            return
        low, high = float(values.min()), float(values.max())
        self._low, self._high = min(low, self._low), max(high, self._high)
        unit = _choose_unit(max(-low, high)) or self._unit  # zeros fit any unit
        if unit != 1.0:
            values /= unit
        if squares is None or unit != 1.0:
            squares = _sum_squares(values)
        mean = float(values.sum()) / values.size
        about_mean = squares - values.size * mean**2
        if about_mean < squares / 2:  # cancellation: the mean is much larger than the deviation
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
        """Return (min, max, mean, population std), None without values."""
        if not self._count:
            return None
        return self._low, self._high, self._mean * self._unit, math.sqrt(self._squares / self._count) * self._unit


def _sum_squares(values: NDArray[np.float64]) -> float:
    parts = (values[start : start + _DOT] for start in range(0, values.size, _DOT))
    return math.fsum(float(np.dot(part, part)) for part in parts)


def _choose_unit(largest: float) -> float:
    """Return 1; for very large or very small values the power of two of the magnitude; 0 for zero."""
    if not largest:
        return 0.0
    if _SMALL < largest < _LARGE:
        return 1.0
    return math.ldexp(1.0, max(min(math.frexp(largest)[1], 1023), -1021))
