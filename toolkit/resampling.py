"""Resampling along one axis: which places of the input make a place of the output, and with which weights.

Resampling is a linear map of each axis. Its coefficients are computed on the host from fields and lengths, in float64:
few for each output, the taps, or a full matrix.
Coordinates, rules and weights are those of ONNX's Resize; the kernel of "cubic" is Keys 1981.
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

MODES = ("nearest", "linear", "cubic")
MOST_TAPS = 16  # coefficients of one output; a row with more of them goes into a full matrix
COLUMNS_PER_TAP = 64  # of a full matrix, whose product costs as much as one weighted take; decides for the adjoint
Values = Any  # float64 numpy.ndarray of one axis


class AxisMap(NamedTuple):
    """How one axis is resampled: `length` values become `outputs`.

    scale: outputs for each input, for the coordinates; None is outputs / length. region: of the axis, from 0 to 1, for
    the coordinates of "tf_crop_and_resize".
    """

    length: int
    outputs: int
    scale: float | None
    mode: str
    coordinates: str
    nearest_rule: str
    cubic_a: float
    exclude_outside: bool
    antialias: bool
    region: tuple[float, float]

    def stretch(self, places: Values) -> Values:
        """Return places / scale; of whole lengths as one quotient, which is exact where the result is whole."""
        return places * self.length / self.outputs if self.scale is None else places / self.scale


def _align_corners(axis: AxisMap, i: Values) -> Values:
    return i * (axis.length - 1) / (axis.outputs - 1) if axis.outputs > 1 else i * 0


def _half_pixel(axis: AxisMap, i: Values) -> Values:
    return axis.stretch(i + 0.5) - 0.5


def _half_pixel_symmetric(axis: AxisMap, i: Values) -> Values:
    exact = axis.outputs if axis.scale is None else axis.scale * axis.length
    return axis.length / 2 * (1 - axis.outputs / exact) + _half_pixel(axis, i)


def _crop_and_resize(axis: AxisMap, i: Values) -> Values:
    (start, end), last = axis.region, axis.length - 1
    if axis.outputs == 1:
        return i * 0 + 0.5 * (start + end) * last
    return start * last + i * (end - start) * last / (axis.outputs - 1)


COORDINATES: dict[str, Callable[[AxisMap, Values], Values]] = {
    "half_pixel": _half_pixel,
    "half_pixel_symmetric": _half_pixel_symmetric,
    "pytorch_half_pixel": lambda axis, i: _half_pixel(axis, i) if axis.outputs > 1 else i * 0,
    "asymmetric": lambda axis, i: axis.stretch(i),
    "align_corners": _align_corners,
    "tf_half_pixel_for_nn": lambda axis, i: axis.stretch(i + 0.5),
    "tf_crop_and_resize": _crop_and_resize,
}
NEAREST_RULES: dict[str, Callable[[Values], Values]] = {
    "round_prefer_floor": lambda place: np.ceil(place - 0.5),
    "round_prefer_ceil": lambda place: np.floor(place + 0.5),
    "floor": np.floor,
    "ceil": np.ceil,
}


def _find_places(axis: AxisMap) -> Values:
    """Return the place in the input of each place of the output."""
    return COORDINATES[axis.coordinates](axis, np.arange(axis.outputs, dtype=np.float64))


@functools.lru_cache(maxsize=256)
def find_nearest(axis: AxisMap) -> tuple[int, ...]:
    """Return the input that each output is a copy of, with mode "nearest"."""
    nearest = NEAREST_RULES[axis.nearest_rule](_find_places(axis))
    return tuple(np.clip(nearest, 0, axis.length - 1).astype(np.int64).tolist())


@functools.lru_cache(maxsize=256)
def find_inside(axis: AxisMap) -> Any:
    """Return for each output whether its place lies in the input; None where all do."""
    places = _find_places(axis)
    inside = (places >= 0) & (places <= axis.length - 1)
    return None if inside.all() else inside


class Taps(NamedTuple):
    """A linear map along an axis by its few coefficients: y[o] = sum over k of weights[k][o] * x[sources[k][o]].

    sources: one int64 array (outputs) for each k; weights: float64 likewise. is_framed: whether some outputs have no
    coefficient; their source is one place beyond the end of the axis, where x counts as 0.
    """

    sources: tuple[Any, ...]
    weights: tuple[Any, ...]
    is_framed: bool


@functools.lru_cache(maxsize=64)
def find_taps(axis: AxisMap) -> Taps | None:
    """Return the map of modes "linear" and "cubic" as taps; None where an output has more than MOST_TAPS."""
    outputs, inputs, weights = _list_coefficients(axis)
    return _arrange(outputs, inputs, weights, axis.outputs, axis.length, MOST_TAPS)


@functools.lru_cache(maxsize=64)
def find_adjoint_taps(axis: AxisMap) -> Taps | None:
    """Return the transposed map, from outputs to inputs, as taps; None where a product costs less."""
    outputs, inputs, weights = _list_coefficients(axis)
    return _arrange(inputs, outputs, weights, axis.length, axis.outputs, axis.outputs // COLUMNS_PER_TAP)


@functools.lru_cache(maxsize=256)
def is_unchanged(axis: AxisMap) -> bool:
    """Return whether modes "linear" and "cubic" leave every value as it is."""
    outputs, inputs, weights = _list_coefficients(axis)
    every = np.arange(axis.length)
    return axis.outputs == axis.length and all(
        np.array_equal(found, wanted) for found, wanted in ((outputs, every), (inputs, every), (weights, every * 0 + 1))
    )


@functools.lru_cache(maxsize=64)
def compute_matrix(axis: AxisMap) -> Any:
    """Return the matrix (outputs, length) of modes "linear" and "cubic"; None where it changes nothing."""
    if is_unchanged(axis):
        return None
    outputs, inputs, weights = _list_coefficients(axis)
    matrix = np.zeros((axis.outputs, axis.length))
    matrix[outputs, inputs] = weights
    return matrix


def _list_coefficients(axis: AxisMap) -> tuple[Values, Values, Values]:
    """Return output, input and weight of each coefficient other than 0, in order of the outputs, then of the inputs.

    antialias: where the axis shrinks, the kernel becomes wider by the same factor.
    """
    places = _find_places(axis)
    ratio = axis.outputs / axis.length if axis.scale is None else axis.scale
    shrink = min(ratio, 1.0) if axis.antialias else 1.0
    kernel, radius = (_triangle, 1) if axis.mode == "linear" else (functools.partial(_cubic, axis.cubic_a), 2)
    first = np.floor(places - radius / shrink).astype(np.int64)
    taps = first[:, None] + np.arange(int(np.ceil(2 * radius / shrink)) + 2)
    weights = kernel((taps - places[:, None]) * shrink)
    if axis.exclude_outside:
        weights *= (taps >= 0) & (taps < axis.length)
    if axis.exclude_outside or axis.antialias:
        total = weights.sum(axis=1, keepdims=True)
        weights /= np.where(total == 0, 1, total)
    cells = np.arange(axis.outputs)[:, None] * axis.length + np.clip(taps, 0, axis.length - 1)
    cells, group = np.unique(cells, return_inverse=True)
    merged = np.bincount(group.reshape(-1), weights.reshape(-1))
    cells, merged = cells[merged != 0], merged[merged != 0]
    return cells // axis.length, cells % axis.length, merged


def _arrange(rows: Values, columns: Values, weights: Values, count: int, length: int, limit: int) -> Taps | None:
    """Return the taps of the map whose matrix (count, length) has these coefficients; None with more than `limit`.

    A row with fewer taps than another one repeats its last, with half the weight each: no coefficient of 0 meets an
    infinity, and the sum of the halves is exact, as they come first and the smallest before the others.
    """
    order = np.argsort(rows, kind="stable")
    rows, columns, weights = rows[order], columns[order], weights[order]
    counts = np.bincount(rows, minlength=count)
    most = int(counts.max())
    if not 0 < most <= limit:
        return None
    sources, shares = np.full((most, count), length), np.zeros((most, count))
    number = np.arange(len(rows)) - (np.cumsum(counts) - counts)[rows]
    sources[number, rows], shares[number, rows] = columns, weights
    for k in range(1, most):
        short = (counts <= k) & (counts > 0)
        sources[k, short] = sources[k - 1, short]
        shares[k - 1, short] /= 2
        shares[k, short] = shares[k - 1, short]
    return Taps(tuple(sources[::-1]), tuple(shares[::-1]), bool((counts == 0).any()))


def _triangle(distance: Values) -> Values:
    return np.maximum(1 - np.abs(distance), 0)


def _cubic(a: float, distance: Values) -> Values:
    """Keys' kernel: ((a+2)|d| - (a+3)) d^2 + 1 up to 1, a (|d|^3 - 5 d^2 + 8 |d| - 4) up to 2."""
    d = np.abs(distance)
    near = ((a + 2) * d - (a + 3)) * d * d + 1
    far = ((d - 5) * d + 8) * d * a - 4 * a
    return np.where(d <= 1, near, np.where(d < 2, far, 0.0))
