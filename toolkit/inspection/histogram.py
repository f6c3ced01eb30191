"""How many values a tensor has of each sign and power of two: cheap, of bounded size, the same for every tensor."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnnkit.exporters.core.weight_file import Array

_BITS = {"float16": (10, 5), "float32": (23, 8), "float64": (52, 11)}  # of mantissa and exponent
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
        """Return 2 * side + 1 counts: from the largest negative power of two over "small" to the largest positive.

        The one in the middle counts what is nearer to zero than `side` powers of two below the largest, and zeros.
        """
        top = self.top
        if top is None:
            return [0] * side + [self.zeros] + [0] * side
        powers = range(top, top - side, -1)
        shown = [self.negative.get(power, 0) for power in powers]
        shown += [self.zeros + sum(n for half in self._halves for power, n in half.items() if power <= top - side)]
        return shown + [self.positive.get(power, 0) for power in reversed(powers)]

    @property
    def top(self) -> int | None:
        """The largest power of two that a magnitude reaches, None without one."""
        return max((power for half in self._halves for power in half), default=None)

    def sparkline(self, ascii_only: bool = False) -> str:
        """Return the bars as 17 characters; what is there at all is at least the lowest bar."""
        levels, bars = (_ASCII if ascii_only else _BARS), self.bars()
        most = max(bars)
        return "".join(levels[-(-count * (len(levels) - 1) // most)] if most else levels[0] for count in bars)

    @property
    def _halves(self) -> tuple[dict[int, int], dict[int, int]]:
        return self.negative, self.positive


class Counter:
    """Counts values of one NumPy type, piece by piece, by their sign and exponent bits."""

    def __init__(self, dtype: np.dtype[Any]) -> None:
        self._dtype = dtype if dtype.kind == "f" else np.dtype(np.float64)
        self.mantissa, self.exponent = _BITS[self._dtype.name]
        self._counts: NDArray[np.int64] = np.zeros(2 << self.exponent, np.int64)
        self._codes: NDArray[np.int64] = np.empty(0, np.int64)  # kept: fresh memory costs more than the work

    def add(self, values: Array) -> tuple[int, int]:
        """Count a flat contiguous piece; return how many values it has that may be zero, and that are not finite."""
        values = values if values.dtype == self._dtype else values.astype(self._dtype)
        bits = values.view(f"u{self._dtype.itemsize}")
        if self._codes.size < bits.size:
            self._codes = np.empty(bits.size, np.int64)  # what bincount counts without a copy
        codes = self._codes[: bits.size]
        np.right_shift(bits, bits.dtype.type(self.mantissa), out=codes.view(np.uint64), dtype=bits.dtype)
        found = np.bincount(codes, minlength=self._counts.size)
        self._counts += found
        half = 1 << self.exponent
        return int(found[0] + found[half]), int(found[half - 1] + found[-1])

    def histogram(self, zeros: int) -> Histogram:
        """Return what was counted; `zeros` of it were zero, so that the rest of the smallest were subnormal."""
        half, bias = 1 << self.exponent, (1 << (self.exponent - 1)) - 1
        found = []
        for counts in (self._counts[half:], self._counts[:half]):
            found.append({i - bias: int(counts[i]) for i in np.flatnonzero(counts[:-1]).tolist() if i})
        subnormal = int(self._counts[0] + self._counts[half]) - zeros
        if subnormal:  # of either sign: too small to tell apart in a picture
            found[1][-bias] = subnormal
        return Histogram(found[0], found[1], zeros)
