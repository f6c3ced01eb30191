"""Grids of a backend's arrays, and sums on them; the half of exact numerics below its products."""

import math
from typing import Any

from cnnkit.backends.arrays import Native
from cnnkit.backends.exact import grid
from cnnkit.backends.protocol import Backend
from cnnkit.contracts import dtype_name
from cnnkit.errors import ConfigError

Grid = tuple[Native, int]  # the shift that rounds to it, its bits
Split = tuple[Native, ...]  # a factor, as one number on a grid or as two that are added


class ExactSums(Backend):
    """Sums over the float64 sums of any backend. Sums over samples are float64 shares.

    Shares can be added in any order, exactly; `finish_share` rounds their sum to float32.
    """

    numerics = "exact"

    @property
    def fine(self) -> bool:
        """Whether factors are two numbers each, x1 + x2, and products x1 y1 + (x1 y2 + x2 y1): three exact sums."""
        return self.numerics == "exact-fine"

    @property
    def plain(self) -> Any:
        """The primitives of the backend's own class."""
        return super()

    # ---- grids

    def find_largest(self, x: Native, axes: tuple[int, ...]) -> Native:
        """Return max |x| over the axes, which are kept with length 1; 0 of nothing."""
        if 0 in (x.shape[axis] for axis in axes):
            return self.zeros(tuple(1 if i in axes else n for i, n in enumerate(x.shape)), "float32")
        return self.maximum(self._max(x, axes), self._max(-x, axes))

    def _max(self, x: Native, axes: tuple[int, ...]) -> Native:
        for axis in axes:
            x = self.max(x, axis=axis, keepdims=True)
        return x

    def find_shift(self, largest: Native, bits: int) -> Native:
        """Return 1.5 * 2^52 times the quantum that gives values up to `largest` so many bits."""
        return self.find_power(largest) * grid.shift_factor(bits)

    def round(self, x: Native, shift: Native) -> Native:
        """Return x as float64 multiples of the quantum of this shift: half to even, as IEEE adds."""
        return (self.asarray(x, "float64") + shift) - shift

    def find_power(self, x: Native) -> Native:
        """Return 2^floor(log2(x)) of x >= 0 in float64; 0 of 0, infinity of infinity and NaN."""
        wide: Native = self.asarray(x, "float64")
        return (wide.view(self.word_type) & grid.EXPONENT).view(self.real_type)

    word_type: Any = "int64"
    real_type: Any = "float64"

    def narrow(self, x: Native) -> Native:
        """Return x rounded to float32, without negative zeros."""
        return self.asarray(x + 0.0, "float32")

    def on_own_grid(self, x: Native, axes: tuple[int, ...], bits: int) -> Native:
        """Return x in float64 on the grid that gives the largest value over the axes so many bits."""
        return self.round(x, self.find_shift(self.find_largest(x, axes), bits))

    def bits_of_factors(self, terms: int) -> tuple[int, int]:
        """Return the bits of both factors of a product of so many terms, whose sums stay exact."""
        bits, other_bits = grid.bits_of_factors(terms)
        return (bits, bits) if self.fine else (bits, other_bits)

    def split(self, x: Native, axes: tuple[int, ...], bits: int) -> Split:
        """Return x in parts, as `round_parts` does, on the grid of its largest value over the axes."""
        return self.round_parts(x, (self.find_shift(self.find_largest(x, axes), bits), bits))

    def round_parts(self, x: Native, to: Grid) -> Split:
        """Return x on a grid; in fine numerics what that leaves out too, in as many bits below."""
        shift, bits = to
        first = self.round(x, shift)
        return (first, self.round(self.asarray(x, "float64") - first, shift * 2.0**-bits)) if self.fine else (first,)

    def join_grids(
        self, terms: int, dy: Native, dy_axes: tuple[int, ...], x: Native, x_axes: tuple[int, ...]
    ) -> tuple[Grid, Grid]:
        """Return the grids of the factors of a product over samples, those of the whole batch."""
        if self.fine and self.parts is not None:
            raise ConfigError("numerics: exact-fine is for one worker: use exact")
        first, second = self._join_largest(self.find_largest(dy, dy_axes), self.find_largest(x, x_axes))
        bits, other_bits = self.bits_of_factors(terms)
        return (self.find_shift(first, bits), bits), (self.find_shift(second, other_bits), other_bits)

    def _join_largest(self, *largest: Native) -> list[Native]:
        """Return the largest values of the whole batch; those of all arrays travel together."""
        if self.parts is None:
            return list(largest)
        together, *others = self.parts.gather(self.pack(largest))
        for other in others:
            together = self.maximum(together, other)
        joined, start = [], 0
        for one in largest:
            size = math.prod(one.shape)
            joined.append(together[start : start + size].reshape(tuple(one.shape)))
            start += size
        return joined

    # ---- sums

    def sum(self, x: Native, axis: Any = None, keepdims: bool = False) -> Native:
        if not is_real(x):
            return self.plain.sum(x, axis, keepdims)
        return self.narrow(self._sum_exactly(x, axis, keepdims))

    def mean(self, x: Native, axis: Any = None, keepdims: bool = False) -> Native:
        terms = grid.count_terms(x.shape, grid.axes_of(axis, x.ndim))
        count = self.constant_number(terms)
        return self.narrow(self._sum_exactly(x, axis, keepdims) / count)

    def constant_number(self, value: float) -> Native:
        """Return a number as float64 on the device: a division by it is a division, not a product with its inverse."""
        return self.zeros((), "float64") + value

    def _sum_exactly(self, x: Native, axis: Any, keepdims: bool) -> Native:
        axes = grid.axes_of(axis, x.ndim)
        if not axes:
            return x
        shift = self.find_shift(self.find_largest(x, axes), grid.bits_of_terms(grid.count_terms(x.shape, axes)))
        return self.sum_on_grid(x, shift, axes, keepdims)

    def sum_samples(self, x: Native, axis: Any = None, keepdims: bool = False) -> Native:
        if not is_real(x):
            return self.plain.sum_samples(x, axis, keepdims)
        axes = grid.axes_of(axis, x.ndim)
        terms = self.count_samples(x.shape[0]) * grid.count_terms(x.shape, [axis for axis in axes if axis])
        (largest,) = self._join_largest(self.find_largest(x, axes))
        return self.sum_on_grid(x, self.find_shift(largest, grid.bits_of_terms(terms)), axes, keepdims)

    def sum_on_grid(self, x: Native, shift: Native, axes: tuple[int, ...], keepdims: bool) -> Native:
        """Return sums of x, rounded by this shift, in float64."""
        return self.plain.sum(self.round(x, shift), axes, keepdims)

    def mean_samples(self, x: Native, axis: Any = None) -> Native:
        axes = grid.axes_of(axis, x.ndim)
        terms = self.count_samples(x.shape[0]) * grid.count_terms(x.shape, [axis for axis in axes if axis])
        return self.narrow(self._add_shares(self.sum_samples(x, axes)) / self.constant_number(terms))

    def join(self, share: Native) -> Native:
        if dtype_name(share) != "float64":
            return self.plain.join(share)
        return self.narrow(self._add_shares(share))

    def _add_shares(self, share: Native) -> Native:
        if self.parts is None:
            return share
        total, *others = self.parts.gather(share)
        for other in others:
            total = total + other
        return total

    def finish_share(self, total: Native) -> Native:
        return self.narrow(total) if dtype_name(total) == "float64" else total


def is_real(x: Any) -> bool:
    """Return whether an array holds floating-point numbers."""
    return dtype_name(x).startswith("float")
