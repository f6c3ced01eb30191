"""Units of a layer: the filters of a convolution, the neurons of a dense layer, one index of an output axis each."""

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from cnnkit.exporters.core.weight_file import Tensor

_OUTPUTS = ("o", "out")
_LARGEST_PERIOD = 1 << 20


def find_unit_axis(tensor: Tensor) -> int | None:
    """Return the axis of the units of a weight, None where the names of the axes do not tell."""
    if tensor.role not in ("weight", "recurrent_weight") or len(tensor.shape) < 2:
        return None
    return next((tensor.axes.index(name) for name in _OUTPUTS if name in tensor.axes), None)


@dataclass
class UnitSquares:
    """Sums of squares per unit, of values of shape (lead, count, inner) that come in C order."""

    lead: int
    count: int
    inner: int
    sums: NDArray[np.float64] = field(init=False, repr=False)
    _position: int = 0

    def __post_init__(self) -> None:
        self.sums = np.zeros(self.count)

    @classmethod
    def of(cls, tensor: Tensor) -> "UnitSquares | None":
        """Return zero sums for a tensor with units, None for any other."""
        axis = find_unit_axis(tensor)
        if axis is None or not tensor.parameters:
            return None
        shape = tensor.shape
        return cls(math.prod(shape[:axis]), shape[axis], math.prod(shape[axis + 1 :]))

    @property
    def multiple(self) -> int:
        """The number of values that divides the length of a piece."""
        period = self.inner if self.lead == 1 else self.inner * self.count
        return period if period <= _LARGEST_PERIOD else 1

    def add(self, values: NDArray[np.float64]) -> float:
        """Add the squares of the next values, NaN and infinities included. Return their total."""
        begin, self._position = self._position, self._position + values.size
        period = self.inner if self.lead == 1 else self.inner * self.count
        if period > _LARGEST_PERIOD:
            places = np.arange(begin, self._position) // self.inner % self.count
            squares = np.bincount(places, values * values, self.count)
        elif self.lead == 1:
            rows = values.reshape(-1, self.inner)
            squares = np.einsum("ij,ij->i", rows, rows)
            first = begin // self.inner
            self.sums[first : first + len(rows)] = squares
            return float(squares.sum())
        elif self.inner == 1:
            rows = values.reshape(-1, self.count)
            squares = np.einsum("ij,ij->j", rows, rows)
        else:
            cubes = values.reshape(-1, self.count, self.inner)
            squares = np.einsum("ijk,ijk->j", cubes, cubes)
        self.sums += squares
        return float(squares.sum())

    def norms(self) -> NDArray[np.float64]:
        """Return the L2 norm of every unit."""
        return np.sqrt(self.sums)
