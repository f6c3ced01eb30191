"""Counts of a tensor's values in bins of equal width, whose edges are round numbers, zero among them."""

import math
from dataclasses import dataclass

import numpy as np

from cnnkit.exporters.core.small_floats import decode
from cnnkit.exporters.core.weight_file import Tensor
from cnnkit.inspection.pieces import read_pieces

_FEWEST, _MOST = 10, 40  # bins, about
_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True)
class LinearHistogram:
    """counts[k]: the finite values in [(first + k) * step, (first + k + 1) * step); the last bin has its end too."""

    first: int
    step: float
    counts: tuple[int, ...]

    def edge(self, place: int) -> float:
        """Return the lower edge of bin `place`, the upper edge of the bin before."""
        return (self.first + place) * self.step


def round_up(number: float) -> float:
    """Return the smallest of 1, 2, 2.5, 5 times a power of ten that is not below a positive number."""
    power = 10.0 ** math.floor(math.log10(number))
    return next(step * power for step in _STEPS if step * power >= number * (1 - 1e-12))


def count_linear(tensor: Tensor, low: float, high: float) -> LinearHistogram | None:
    """Read a tensor and count its finite values, which lie from `low` to `high`; about 2 sqrt(n) bins, 10 to 40.

    Whole numbers get bins of whole width. None where float64 cannot tell the bins apart.
    """
    span = high - low
    widest = max(abs(low), abs(high))
    if not math.isfinite(span) or (0 < span < 1e-12 * widest) or 0 < widest < 1e-300:
        return None
    bins = min(max(2 * math.isqrt(tensor.parameters), _FEWEST), _MOST)
    step = round_up((span or widest or 1.0) / bins)
    whole = tensor.dtype == "bool" or tensor.dtype.startswith(("int", "uint"))
    if whole:
        step = float(math.ceil(step))
    first = math.floor(low / step)
    bins = math.floor(high / step) + 1 - first if whole else max(math.ceil(high / step) - first, 1)
    counts = np.zeros(bins, np.int64)
    for piece in read_pieces(tensor):
        values = decode(piece, tensor.dtype).astype(np.float64)
        places = np.floor(values[np.isfinite(values)] / step) - first
        counts += np.bincount(np.clip(places, 0, bins - 1).astype(np.int64), minlength=bins)
    return LinearHistogram(first, step, tuple(counts.tolist()))
