"""What the values of a tensor are like, in one pass over them: extent, mean, spread, zeros, what is not a number."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnnkit.exporters.core.element_types import carrier
from cnnkit.exporters.core.small_floats import decode
from cnnkit.exporters.core.weight_file import Array, Tensor
from cnnkit.inspection.histogram import Counter, Histogram
from cnnkit.inspection.moments import Moments
from cnnkit.inspection.pieces import pieces
from cnnkit.inspection.units import UnitSquares

_CACHED = 1 << 16  # values that are looked at at once: half a megabyte in float64
Index = tuple[int, ...]


@dataclass(frozen=True)
class Statistics:
    """Extent, mean and spread (of the population) are those of the finite values, None where there are none.

    first_nan, first_inf  index of the first value that is one
    histogram             counts by sign and power of two
    norms                 L2 norm of each filter or neuron, where the axes say what those are
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
    """Takes the values of one tensor piece by piece."""

    def __init__(self, tensor: Tensor) -> None:
        self._tensor = tensor
        self._units = UnitSquares.of(tensor)
        self._moments = Moments()
        kind = carrier(tensor.dtype)
        self._complex = kind.kind == "c"
        self._counter = Counter(decode(np.zeros(0, kind), tensor.dtype).dtype)
        self._integers = kind.kind in "iub" and not tensor.dtype.startswith(("bfloat", "float"))
        self._extent: tuple[int, int] | None = None
        self._count = self._zeros = self._nan = self._inf = 0
        self._first: dict[str, int] = {}
        self._wide: NDArray[np.float64] = np.empty(0)  # kept: fresh memory costs more than the work

    @property
    def multiple(self) -> int:
        """The number of values that a piece should hold a whole number of times."""
        return 1 if self._units is None else self._units.multiple

    def add(self, piece: Array) -> None:
        """Take the next values, flat, in the tensor's own type."""
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
        """Return what all the values are like; `digest` is their SHA-256."""
        if self._complex:
            return Statistics(self._count, None, None, None, None, None, None, None, digest)
        found = self._moments.result()
        low, high, mean, std = (None,) * 4 if found is None else found
        if self._extent is not None:  # beyond 2^53 float64 is not exact
            low, high = self._extent
        return Statistics(
            self._count, low, high, mean, std, self._zeros, self._nan, self._inf, digest,
            self._index("nan"), self._index("inf"), self._counter.histogram(self._zeros),
            None if self._units is None else self._units.norms(),
        )  # fmt: skip

    def _index(self, name: str) -> Index | None:
        if name not in self._first:
            return None
        return tuple(map(int, np.unravel_index(self._first[name], self._tensor.shape)))


def statistics(tensor: Tensor) -> Statistics:
    """Read a tensor and return what its values are like: bit for bit the same from whatever format they come."""
    accumulator = Accumulator(tensor)
    step = accumulator.multiple * max(_CACHED // accumulator.multiple, 1)
    parts = pieces(tensor, step)
    while True:
        try:
            piece = next(parts)
        except StopIteration as end:
            return accumulator.result(end.value)
        for start in range(0, piece.size, step):
            accumulator.add(piece[start : start + step])
