"""Counts of a tensor's values by sign and power of two: cheap, of bounded size, the same bins for every tensor."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnnkit.exporters.core.weight_file import Array

_BITS = {2: (10, 5), 4: (23, 8), 8: (52, 11)}  # of mantissa and exponent, by the bytes of a float
_BARS, _ASCII = " ▁▂▃▄▅▆▇█", " .:-=+*#%"
SIDE = 8  # powers of two that a histogram shows on each side of zero


@dataclass(frozen=True)
class Histogram:
    """Counts of the finite values by magnitude.

    negative, positive  {e: values in (-2^(e+1), -2^e] or [2^e, 2^(e+1))}
    zeros               values that are zero
    """

    negative: dict[int, int]
    positive: dict[int, int]
    zeros: int

    def bars(self, side: int = SIDE) -> list[int]:
        """Return 2 * side + 1 counts: from the largest negative power of two through zero to the largest positive.

        The count in the middle holds zeros and the magnitudes more than `side` powers of two below the largest.
        """
        top = self.top
        if top is None:
            return [0] * side + [self.zeros] + [0] * side
        powers = range(top, top - side, -1)
        negative, positive = ([half.get(power, 0) for power in powers] for half in (self.negative, self.positive))
        small = sum(self.negative.values()) - sum(negative) + sum(self.positive.values()) - sum(positive)
        return [*negative, self.zeros + small, *reversed(positive)]

    @property
    def top(self) -> int | None:
        """The largest power of two that a magnitude reaches, None without one."""
        return max((*self.negative, *self.positive), default=None)

    def sparkline(self, ascii_only: bool = False) -> str:
        """Return the bars as 17 characters; a count above 0 is drawn as the lowest bar at least."""
        levels, bars = (_ASCII if ascii_only else _BARS), self.bars()
        most = max(bars)
        return "".join(levels[-(-count * (len(levels) - 1) // most)] if most else levels[0] for count in bars)


class ExponentCounter:
    """Counts values of one NumPy type, piece by piece, by sign and exponent bits."""

    def __init__(self, dtype: np.dtype[Any]) -> None:
        self._dtype = dtype if dtype.kind == "f" else np.dtype(np.float64)
        self.mantissa, self.exponent = _BITS[self._dtype.itemsize]
        self._counts: NDArray[np.int64] = np.zeros(2 << self.exponent, np.int64)
        self._codes: NDArray[np.int64] = np.empty(0, np.int64)  # reused: new memory costs more than the work

    def add(self, values: Array) -> tuple[int, int]:
        """Count a flat contiguous piece; return its numbers of values that may be zero, and that are not finite."""
        values = values if values.dtype == self._dtype else values.astype(self._dtype)
        bits = values.view(f"u{self._dtype.itemsize}")
        if self._codes.size < bits.size:
            self._codes = np.empty(bits.size, np.int64)  # what bincount counts without a copy
        codes = self._codes[: bits.size]
        np.right_shift(bits, bits.dtype.type(self.mantissa), out=codes.view(np.uint64), dtype=bits.dtype)
        counts = np.bincount(codes, minlength=self._counts.size)
        self._counts += counts
        half = 1 << self.exponent
        return int(counts[0] + counts[half]), int(counts[half - 1] + counts[-1])

    def histogram(self, zeros: int) -> Histogram:
        """Return the counts; `zeros` values were zero, so the rest of the smallest bin were subnormal."""
        half, bias = 1 << self.exponent, (1 << (self.exponent - 1)) - 1
        negative, positive = (
            {i - bias: int(counts[i]) for i in np.flatnonzero(counts[:-1]).tolist() if i}
            for counts in (self._counts[half:], self._counts[:half])
        )
        subnormal = int(self._counts[0] + self._counts[half]) - zeros
        if subnormal:  # of either sign: a picture does not separate them
            positive[-bias] = subnormal
        return Histogram(negative, positive, zeros)
