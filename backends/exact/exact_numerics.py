"""The primitives with exact sums, over those of any backend: operands on grids, the plain primitive in float64."""

import math
from collections.abc import Callable
from typing import Any

from cnnkit.backends.arrays import Native, Padding, Shape, Sizes
from cnnkit.backends.exact import functions, grid
from cnnkit.backends.exact.exact_sums import ExactSums, Grid, Split, is_real
from cnnkit.backends.protocol import Backend
from cnnkit.backends.shared.windows import count_window_pixels

MOST_FACTORS = 64  # of a power by multiplication


class ExactNumerics(ExactSums):
    """Mixed in before a backend's class, whose float64 primitives must add and multiply, and nothing else.

    Arrays are float32. A grid belongs to a sample, a row or a feature, and is set by its own largest value; the grid of
    a sum over samples by the largest value of the whole batch. A row with NaN or an infinity becomes NaN.
    Sums over samples are float64 shares, which can be added in any order; `finish_share` rounds their sum to float32.
    Zeros of results are positive, except where max_pool_gradient sends nothing.
    """

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

    # ---- products

    def matmul(self, x: Native, y: Native) -> Native:
        if not is_real(x):
            return self.plain.matmul(x, y)
        bits, other_bits = self.bits_of_factors(x.shape[-1])
        rows = self.split(x, (x.ndim - 1,), bits)
        columns = self.split(y, (max(y.ndim - 2, 0),), other_bits)
        return self.narrow(_multiply(self.plain.matmul, rows, columns))

    def dense_weight_gradient(self, dy: Native, x: Native) -> Native:
        first, second = self.join_grids(self.count_samples(x.shape[0]), dy, (0,), x, (0,))
        plain = self.plain
        multiply = lambda dy, x: plain.matmul(self.transpose(dy, (1, 0)), x)  # noqa: E731
        return _multiply(multiply, self.round_parts(dy, first), self.round_parts(x, second))

    def convolve(
        self, x: Native, weight: Native, stride: Sizes, padding: Padding, dilation: Sizes, groups: int
    ) -> Native:
        bits, other_bits = self.bits_of_factors(math.prod(weight.shape[1:]))
        kernels = self.split(weight, _behind(weight, 1), other_bits)
        return self.convolve_on_grid(x, bits, kernels, stride, padding, dilation, groups)

    def convolve_on_grid(self, x: Native, bits: int, kernels: Split, *geometry: Any) -> Native:
        """Return the convolution of x, rounded to so many bits sample by sample, with kernels on a grid."""
        plain = self.plain
        samples = self.split(x, _behind(x, 1), bits)
        return self.narrow(_multiply(lambda x, weight: plain.convolve(x, weight, *geometry), samples, kernels))

    def convolve_input_gradient(
        self, dy: Native, weight: Native, x_shape: Shape, stride: Sizes, padding: Padding, dilation: Sizes, groups: int
    ) -> Native:
        features = weight.shape[0] // groups
        bits, other_bits = self.bits_of_factors(features * math.prod(weight.shape[2:]))
        by_group = weight.reshape((groups, features, *weight.shape[1:]))
        split = self.split(by_group, (1, *_behind(by_group, 3)), other_bits)
        kernels = tuple(part.reshape(tuple(weight.shape)) for part in split)
        return self.find_input_gradient(dy, bits, kernels, x_shape, stride, padding, dilation, groups)

    def find_input_gradient(self, dy: Native, bits: int, kernels: Split, x_shape: Shape, *geometry: Any) -> Native:
        """Return dx of dy, rounded to so many bits sample by sample, and of kernels on a grid."""
        plain = self.plain
        find = lambda dy, weight: plain.convolve_input_gradient(dy, weight, x_shape, *geometry)  # noqa: E731
        return self.narrow(_multiply(find, self.split(dy, _behind(dy, 1), bits), kernels))

    def convolve_weight_gradient(
        self, dy: Native, x: Native, weight_shape: Shape, stride: Sizes, padding: Padding, dilation: Sizes, groups: int
    ) -> Native:
        axes = (0, *_behind(x, 2))
        grids = self.join_grids(self.count_samples(x.shape[0]) * math.prod(dy.shape[2:]), dy, axes, x, axes)
        return self.find_weight_gradient(dy, x, grids, weight_shape, stride, padding, dilation, groups)

    def find_weight_gradient(self, dy: Native, x: Native, grids: tuple[Grid, Grid], *geometry: Any) -> Native:
        """Return dweight in float64 of dy and x, rounded to these grids."""
        plain = self.plain
        find = lambda dy, x: plain.convolve_weight_gradient(dy, x, *geometry)  # noqa: E731
        return _multiply(find, self.round_parts(dy, grids[0]), self.round_parts(x, grids[1]))

    # ---- pooling

    def max_pool_gradient(
        self, dy: Native, saved: Any, x_shape: Shape, window: Sizes, stride: Sizes, padding: Padding, dilation: Sizes
    ) -> Native:
        geometry = window, stride, padding, dilation
        if all(d * (w - 1) < s for w, s, d in zip(window, stride, dilation, strict=True)):  # no pixel in two windows
            return self.plain.max_pool_gradient(dy, saved, x_shape, *geometry)
        samples = self.on_own_grid(dy, _behind(dy, 1), grid.bits_of_terms(math.prod(window)))
        return self.narrow(self.plain.max_pool_gradient(samples, saved, x_shape, *geometry))

    def average_pool(
        self, x: Native, window: Sizes, stride: Sizes, padding: Padding, dilation: Sizes, counted: Padding
    ) -> Native:
        samples = self.on_own_grid(x, _behind(x, 1), grid.bits_of_terms(math.prod(window)))
        ones = self.zeros((x.shape[1], 1, *window), "float64") + 1.0
        total = self.plain.convolve(samples, ones, stride, padding, dilation, x.shape[1])
        return self.narrow(total / self._counts(x.shape, window, stride, padding, dilation, counted, "float64"))

    def average_pool_gradient(
        self, dy: Native, x_shape: Shape, window: Sizes, stride: Sizes, padding: Padding, dilation: Sizes,
        counted: Padding,
    ) -> Native:  # fmt: skip
        share = dy / self._counts(x_shape, window, stride, padding, dilation, counted, "float32")
        samples = self.on_own_grid(share, _behind(dy, 1), grid.bits_of_terms(math.prod(window)))
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


def _multiply(multiply: Callable[[Native, Native], Native], x: Split, y: Split) -> Native:
    """Return the product in float64. The two small products have one quantum, so that their sum is exact too."""
    product = multiply(x[0], y[0])
    return product if len(x) == 1 else product + (multiply(x[0], y[1]) + multiply(x[1], y[0]))


def _behind(x: Native, first: int) -> tuple[int, ...]:
    """Return the axes of x from `first` on."""
    return tuple(range(first, x.ndim))
