"""The distance of two arrays of one shape, in one pass over both."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cnnkit.exporters.core.small_floats import decode
from cnnkit.exporters.core.weight_file import Array
from cnnkit.inspection.statistics import Index

_BLOCK = 1 << 18
_FLOATS = {"float16": "int16", "bfloat16": "int16", "float32": "int32", "float64": "int64"}


@dataclass(frozen=True)
class Distance:
    """The differences of the values in a and b.

    different    number of values whose bits differ, or, given tolerances, which lie outside them
    incomparable number of these that are not finite on one side; the figures below leave them out
    max_abs      largest |a - b|; max_rel: largest |a - b| / max(|a|, |b|); l2: root of the sum of (a - b)^2
    max_ulp      largest number of values of the type between a and b; None unless both have one floating type, and
                 where a value changes its sign: the count then goes through all values down to 0 and says nothing
    first_index  index of the first different value
    same         whether all values are equal: bit for bit, or in value when the types differ
    """

    different: int
    incomparable: int
    max_abs: float | None
    max_rel: float | None
    max_ulp: int | None
    l2: float | None
    first_index: Index | None
    same: bool


def measure_distance(a: Array, b: Array, dtype_a: str, dtype_b: str, atol: float = 0.0, rtol: float = 0.0) -> Distance:
    """Return the distance of two arrays of one shape; with tolerances, |a - b| <= atol + rtol * |b| passes."""
    same_type, shape = dtype_a == dtype_b, a.shape
    total = _Total(same_type and dtype_a in _FLOATS)
    for begin, left, right in _split(a, b):
        if same_type and left.tobytes() == right.tobytes():
            total.count += left.size
            continue
        x, y = _widen(left, dtype_a), _widen(right, dtype_b)
        same = _compare_bits(left, right) if same_type else (x == y) | (np.isnan(x) & np.isnan(y))
        total.add(begin, x, y, same, atol, rtol)
        if total.floating:
            total.add_ulps(left, right, dtype_a)
    return total.result(shape)


class _Total:
    def __init__(self, floating: bool) -> None:
        self.floating = floating
        self.count = self._different = self._incomparable = self._ulps = 0
        self._crosses_zero = False
        self._abs = self._rel = self._squares = 0.0
        self._unit = 0.0
        self._first: int | None = None
        self._same = True

    def add(self, begin: int, x: Array, y: Array, same: NDArray[np.bool_], atol: float, rtol: float) -> None:
        with np.errstate(all="ignore"):
            gap, size = np.abs(x - y), np.maximum(np.abs(x), np.abs(y))
            finite = np.isfinite(x) & np.isfinite(y)
            passes = same
            if atol or rtol:
                passes = same | (finite & (gap <= atol + rtol * np.abs(y))) | (np.isnan(x) & np.isnan(y))
            self._same &= bool(same.all())
            self._different += int(gap.size - np.count_nonzero(passes))
            if self._first is None and not passes.all():
                self._first = begin + int(np.argmin(passes))
            self._incomparable += int(np.count_nonzero(~finite & ~passes))
            self._abs = max(self._abs, float(np.max(gap, where=finite, initial=0.0)))
            relative = np.where(finite & (size > 0), gap / size, 0.0)
            self._rel = max(self._rel, float(relative.max(initial=0.0)))
            self._squared(np.where(finite, gap, 0.0))
        self.count += gap.size

    def _squared(self, gap: Array) -> None:
        largest = float(gap.max(initial=0.0))
        if not largest:
            return
        unit = max(self._unit, largest)  # squares in units of the largest neither overflow nor underflow
        self._squares = self._squares * (self._unit / unit) ** 2 + float(np.square(gap / unit).sum())
        self._unit = unit

    def add_ulps(self, left: Array, right: Array, dtype: str) -> None:
        """Add distances in ulp: bits, read as signed numbers, number the values of a type in ascending order."""
        mine, its = _order_bits(left, dtype), _order_bits(right, dtype)
        known = np.isfinite(_widen(left, dtype)) & np.isfinite(_widen(right, dtype))
        gap = np.where(mine > its, mine, its).astype(np.uint64) - np.where(mine > its, its, mine).astype(np.uint64)
        self._ulps = max(self._ulps, int(np.max(gap, where=known, initial=0)))
        self._crosses_zero |= bool(np.any(known & (np.minimum(mine, its) < 0) & (np.maximum(mine, its) > 0)))

    def result(self, shape: tuple[int, ...]) -> Distance:
        first = None if self._first is None else tuple(map(int, np.unravel_index(self._first, shape)))
        none_compared = self._incomparable > 0 and self._incomparable == self.count
        figures = (None, None, None) if none_compared else (self._abs, self._rel, math.sqrt(self._squares) * self._unit)
        ulps = self._ulps if self.floating and not none_compared and not self._crosses_zero else None
        return Distance(
            self._different, self._incomparable, figures[0], figures[1], ulps, figures[2], first, self._same
        )


def _split(a: Array, b: Array) -> Iterator[tuple[int, Array, Array]]:
    """Yield (flat position, a's values, b's values), flat; a transposed view is copied block by block."""
    if not a.ndim:
        a, b = a.reshape(1), b.reshape(1)
    row = math.prod(a.shape[1:])
    step = max(_BLOCK // max(row, 1), 1)
    for start in range(0, len(a), step):
        left, right = (np.ascontiguousarray(side[start : start + step]).reshape(-1) for side in (a, b))
        yield start * row, left, right


def _widen(values: Array, dtype: str) -> Array:
    known = decode(values, dtype)
    return known if known.dtype.kind == "c" else known.astype(np.float64)


def _compare_bits(left: Array, right: Array) -> NDArray[np.bool_]:
    words = [side.view(f"u{min(side.itemsize, 8)}").reshape(side.size, -1) for side in (left, right)]
    same: NDArray[np.bool_] = (words[0] == words[1]).all(-1)
    return same


def _order_bits(values: Array, dtype: str) -> Array:
    """Return bits as integers in the order of the values; -0 equals 0."""
    signed = _FLOATS[dtype]
    bits = values.view(signed).astype(np.int64)
    smallest = np.int64(np.iinfo(np.dtype(signed)).min)
    ordered: Array = np.where(bits < 0, smallest - bits, bits)
    return ordered
