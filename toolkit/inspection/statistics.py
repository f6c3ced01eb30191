"""Statistics of a tensor's values in one pass: minimum, maximum, mean, deviation, zeros, NaN and infinities."""

import functools
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnnkit.exporters.core.element_types import carrier
from cnnkit.exporters.core.small_floats import decode
from cnnkit.exporters.core.weight_file import Array, Tensor
from cnnkit.inspection.histogram import ExponentCounter, Histogram
from cnnkit.inspection.moments import Moments
from cnnkit.inspection.pieces import read_pieces
from cnnkit.inspection.units import UnitSquares

_CACHED = 1 << 16  # values processed at once: half a megabyte in float64
Index = tuple[int, ...]


@dataclass(frozen=True)
class Statistics:
    """The statistics of a tensor; min, max, mean and (population) std of its finite values, None without any.

    first_nan, first_inf  index of the first NaN, of the first infinity
    histogram             counts by sign and power of two
    norms                 L2 norm of each filter or neuron, where the axes identify them
    """

    count: int
    min: float | None
    max: float | None
    mean: float | None
    std: float | None
    zeros: int | None
    nan: int | None
    inf: int | None
    sha256: str
    first_nan: Index | None = None
    first_inf: Index | None = None
    histogram: Histogram | None = field(default=None, repr=False)
    norms: NDArray[np.float64] | None = field(default=None, repr=False, compare=False)

    @property
    def finite(self) -> int:
        """The number of values that are finite."""
        return self.count - (self.nan or 0) - (self.inf or 0)

    def to_json(self) -> dict[str, Any]:
        """Return the keys that `cnnkit inspect --json` prints."""
        return {key: getattr(self, key) for key in ("min", "max", "mean", "std", "zeros", "nan", "inf", "sha256")}

    def undefined(self) -> dict[str, str]:
        """Return {key: reason} for the values that are None."""
        reason = (
            "cnnkit does not compute with complex values" if self.zeros is None else "the tensor has no finite value"
        )
        return {key: reason for key, value in self.to_json().items() if value is None}


class Accumulator:
    """Computes the statistics of one tensor, piece by piece."""

    def __init__(self, tensor: Tensor) -> None:
        self._tensor = tensor
        self._units = UnitSquares.of(tensor)
        self.multiple = 1 if self._units is None else self._units.multiple  # a piece holds a whole number of these
        self._moments = Moments()
        kind = carrier(tensor.dtype)
        self._complex = kind.kind == "c"
        self._counter = ExponentCounter(_find_decoded(tensor.dtype))
        self._integers = kind.kind in "iub" and not tensor.dtype.startswith(("bfloat", "float"))
        self._extent: tuple[int, int] | None = None
        self._count = self._zeros = self._nan = self._inf = 0
        self._first: dict[str, int] = {}
        self._wide: NDArray[np.float64] = np.empty(0)  # reused: new memory costs more than the work

    def add(self, piece: Array) -> None:
        """Add the next values, flat, in the tensor's stored type."""
        if self._complex:
            self._count += piece.size
            return
        values = decode(piece, self._tensor.dtype)
        small, odd = self._counter.add(values)
        if small:
            self._zeros += piece.size - int(np.count_nonzero(values))
        if self._integers:
            low, high = int(values.min()), int(values.max())
            known = self._extent or (low, high)
            self._extent = min(low, known[0]), max(high, known[1])
        with np.errstate(all="ignore"):
            if self._wide.size < values.size:
                self._wide = np.empty(values.size)
            wide = self._wide[: values.size]
            np.copyto(wide, values)
            squares = None if self._units is None else self._units.add(wide)
            if odd:
                wide, squares = self._only_finite(wide), None
            self._moments.add(wide, squares)
        self._count += piece.size

    def _only_finite(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        nan, infinite = np.isnan(values), np.isinf(values)
        for name, where in (("nan", nan), ("inf", infinite)):
            if where.any():
                self._first.setdefault(name, self._count + int(where.argmax()))
        self._nan += int(nan.sum())
        self._inf += int(infinite.sum())
        return values[~(nan | infinite)]

    def result(self, digest: str) -> Statistics:
        """Return the statistics of all values; `digest` is their SHA-256."""
        if self._complex:
            return Statistics(self._count, None, None, None, None, None, None, None, digest)
        low, high, mean, std = self._moments.result() or (None,) * 4
        if self._extent is not None:  # beyond 2^53 float64 is not exact
            low, high = self._extent
        shape = self._tensor.shape
        first = {name: tuple(map(int, np.unravel_index(place, shape))) for name, place in self._first.items()}
        return Statistics(
            self._count, low, high, mean, std, self._zeros, self._nan, self._inf, digest,
            first.get("nan"), first.get("inf"), self._counter.histogram(self._zeros),
            None if self._units is None else self._units.norms(),
        )  # fmt: skip


@functools.cache
def _find_decoded(dtype: str) -> np.dtype[Any]:
    """Return the type of the values that `decode` makes of an element type."""
    return decode(np.zeros(0, carrier(dtype)), dtype).dtype


def statistics(tensor: Tensor) -> Statistics:
    """Read a tensor and return its statistics: the same bits for the same values, whatever the file format."""
    accumulator = Accumulator(tensor)
    step = accumulator.multiple * max(_CACHED // accumulator.multiple, 1)
    parts = read_pieces(tensor, step)
    while True:
        try:
            piece = next(parts)
        except StopIteration as end:
            return accumulator.result(end.value)
        for start in range(0, piece.size, step):
            accumulator.add(piece[start : start + step])
