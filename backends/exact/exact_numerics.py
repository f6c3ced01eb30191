"""The primitives with exact sums, over those of any backend: operands on grids, the plain primitive in float64."""

import math
from typing import Any

from cnnkit.backends.arrays import Native, Padding, Shape, Sizes
from cnnkit.backends.exact import functions, grid
from cnnkit.backends.protocol import Backend
from cnnkit.backends.shared.windows import count_window_pixels
from cnnkit.contracts import dtype_name

MOST_FACTORS = 64  # of a power by multiplication


class ExactNumerics(Backend):
    """Mixed in before a backend's class, whose float64 primitives must add and multiply, and nothing else.

    Arrays are float32. A grid belongs to a sample, a row or a feature, and is set by its own largest value; the grid of
    a sum over samples by the largest value of the whole batch. A row with NaN or an infinity becomes NaN.
    Sums over samples are float64 shares, which can be added in any order; `finish_share` rounds their sum to float32.
    Zeros of results are positive, except where max_pool_gradient sends nothing.
    """

    numerics = "exact"

    @property
    def plain(self) -> Any:
        """The primitives of the backend's own class."""
        return super()

    # ---- element by element: by functions of our own

    def exp(self, x: Native) -> Native:
        return self.narrow(functions.exp(self, self.asarray(x, "float64")))

    def log(self, x: Native) -> Native:
        return self.narrow(functions.log(self, self.asarray(x, "float64")))

    def log1p(self, x: Native) -> Native:
        return self.narrow(functions.log1p(self, self.asarray(x, "float64")))

    def tanh(self, x: Native) -> Native:
        return self.narrow(functions.tanh(self, self.asarray(x, "float64")))

    def erf(self, x: Native) -> Native:
        return self.narrow(functions.erf(self, self.asarray(x, "float64")))

    def power(self, x: Native, exponent: float) -> Native:
        if exponent == 0:
            return self.zeros(tuple(x.shape), "float32") + 1
        wide = self.asarray(x, "float64")
        whole = exponent == round(exponent) and abs(exponent) <= MOST_FACTORS
        return self.narrow(_multiply_out(wide, round(exponent)) if whole else wide**exponent)

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

    def _on_own_grid(self, x: Native, axes: tuple[int, ...], bits: int) -> Native:
        return self.round(x, self.find_shift(self.find_largest(x, axes), bits))

    def _join_shifts(
        self, terms: int, dy: Native, dy_axes: tuple[int, ...], x: Native, x_axes: tuple[int, ...]
    ) -> tuple[Native, Native]:
        """Return the shifts of the factors of a product over samples: their grids are those of the whole batch."""
        first, second = self._join_largest(self.find_largest(dy, dy_axes), self.find_largest(x, x_axes))
        bits, other_bits = grid.bits_of_factors(terms)
        return self.find_shift(first, bits), self.find_shift(second, other_bits)

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
        if not _is_real(x):
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
        if not _is_real(x):
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

    # ---- products

    def matmul(self, x: Native, y: Native) -> Native:
        if not _is_real(x):
            return self.plain.matmul(x, y)
        bits, other_bits = grid.bits_of_factors(x.shape[-1])
        rows = self._on_own_grid(x, (x.ndim - 1,), bits)
        columns = self._on_own_grid(y, (max(y.ndim - 2, 0),), other_bits)
        return self.narrow(self.plain.matmul(rows, columns))

    def dense_weight_gradient(self, dy: Native, x: Native) -> Native:
        first, second = self._join_shifts(self.count_samples(x.shape[0]), dy, (0,), x, (0,))
        return self.plain.matmul(self.transpose(self.round(dy, first), (1, 0)), self.round(x, second))

    def convolve(
        self, x: Native, weight: Native, stride: Sizes, padding: Padding, dilation: Sizes, groups: int
    ) -> Native:
        bits, other_bits = grid.bits_of_factors(math.prod(weight.shape[1:]))
        kernels = self._on_own_grid(weight, _behind(weight, 1), other_bits)
        return self.convolve_on_grid(x, bits, kernels, stride, padding, dilation, groups)

    def convolve_on_grid(self, x: Native, bits: int, kernels: Native, *geometry: Any) -> Native:
        """Return the convolution of x, rounded to so many bits sample by sample, with kernels on a grid."""
        return self.narrow(self.plain.convolve(self._on_own_grid(x, _behind(x, 1), bits), kernels, *geometry))

    def convolve_input_gradient(
        self, dy: Native, weight: Native, x_shape: Shape, stride: Sizes, padding: Padding, dilation: Sizes, groups: int
    ) -> Native:
        features = weight.shape[0] // groups
        bits, other_bits = grid.bits_of_factors(features * math.prod(weight.shape[2:]))
        by_group = weight.reshape((groups, features, *weight.shape[1:]))
        kernels = self._on_own_grid(by_group, (1, *_behind(by_group, 3)), other_bits).reshape(tuple(weight.shape))
        return self.find_input_gradient(dy, bits, kernels, x_shape, stride, padding, dilation, groups)

    def find_input_gradient(self, dy: Native, bits: int, kernels: Native, x_shape: Shape, *geometry: Any) -> Native:
        """Return dx of dy, rounded to so many bits sample by sample, and of kernels on a grid."""
        samples = self._on_own_grid(dy, _behind(dy, 1), bits)
        return self.narrow(self.plain.convolve_input_gradient(samples, kernels, x_shape, *geometry))

    def convolve_weight_gradient(
        self, dy: Native, x: Native, weight_shape: Shape, stride: Sizes, padding: Padding, dilation: Sizes, groups: int
    ) -> Native:
        axes = (0, *_behind(x, 2))
        shifts = self._join_shifts(self.count_samples(x.shape[0]) * math.prod(dy.shape[2:]), dy, axes, x, axes)
        return self.find_weight_gradient(dy, x, shifts, weight_shape, stride, padding, dilation, groups)

    def find_weight_gradient(self, dy: Native, x: Native, shifts: Any, *geometry: Any) -> Native:
        """Return dweight in float64 of dy and x, rounded by these shifts."""
        first, second = shifts
        return self.plain.convolve_weight_gradient(self.round(dy, first), self.round(x, second), *geometry)

    # ---- pooling

    def max_pool_gradient(
        self, dy: Native, saved: Any, x_shape: Shape, window: Sizes, stride: Sizes, padding: Padding, dilation: Sizes
    ) -> Native:
        geometry = window, stride, padding, dilation
        if all(d * (w - 1) < s for w, s, d in zip(window, stride, dilation, strict=True)):  # no pixel in two windows
            return self.plain.max_pool_gradient(dy, saved, x_shape, *geometry)
        samples = self._on_own_grid(dy, _behind(dy, 1), grid.bits_of_terms(math.prod(window)))
        return self.narrow(self.plain.max_pool_gradient(samples, saved, x_shape, *geometry))

    def average_pool(
        self, x: Native, window: Sizes, stride: Sizes, padding: Padding, dilation: Sizes, counted: Padding
    ) -> Native:
        samples = self._on_own_grid(x, _behind(x, 1), grid.bits_of_terms(math.prod(window)))
        ones = self.zeros((x.shape[1], 1, *window), "float64") + 1.0
        total = self.plain.convolve(samples, ones, stride, padding, dilation, x.shape[1])
        return self.narrow(total / self._counts(x.shape, window, stride, padding, dilation, counted, "float64"))

    def average_pool_gradient(
        self, dy: Native, x_shape: Shape, window: Sizes, stride: Sizes, padding: Padding, dilation: Sizes,
        counted: Padding,
    ) -> Native:  # fmt: skip
        share = dy / self._counts(x_shape, window, stride, padding, dilation, counted, "float32")
        samples = self._on_own_grid(share, _behind(dy, 1), grid.bits_of_terms(math.prod(window)))
        ones = self.zeros((x_shape[1], 1, *window), "float64") + 1.0
        return self.narrow(
            self.plain.convolve_input_gradient(samples, ones, x_shape, stride, padding, dilation, x_shape[1])
        )

    def _counts(
        self, x_shape: Shape, window: Sizes, stride: Sizes, padding: Padding, dilation: Sizes, counted: Padding,
        dtype: str,
    ) -> Native:  # fmt: skip
        """Return how many pixels each window averages, (OH, OW)."""
        return self.constant(count_window_pixels(x_shape[2:], window, stride, padding, dilation, counted), dtype)

    # ---- composites: by their default bodies, which fuse nothing

    def add_bias_gradient(self, dy: Native, y: Native, relu: bool = False) -> tuple[Native, Native]:
        dx = dy * (y > 0) if relu else dy
        return dx, self.sum_samples(dx, axis=(0, *_behind(dx, 2)))

    softmax_cross_entropy = Backend.softmax_cross_entropy
    sgd_update = Backend.sgd_update
    adam_update = Backend.adam_update
    rmsprop_update = Backend.rmsprop_update


def _multiply_out(x: Native, exponent: int) -> Native:
    """Return x ** exponent by squaring, from the exponent's first bit to its last one; exponent not 0."""
    if exponent < 0:
        return 1.0 / _multiply_out(x, -exponent)
    y = x
    for bit in f"{exponent:b}"[1:]:
        y = y * y * x if bit == "1" else y * y
    return y


def _is_real(x: Any) -> bool:
    return dtype_name(x).startswith("float")


def _behind(x: Native, first: int) -> tuple[int, ...]:
    """Return the axes of x from `first` on."""
    return tuple(range(first, x.ndim))
