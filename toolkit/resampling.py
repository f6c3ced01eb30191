"""Resampling along one axis: which places of the input make a place of the output, and with which weights.

Resampling is a linear map of each axis. Its matrix is computed on the host from fields and lengths, in float64.
Coordinates, rules and weights are those of ONNX's Resize; the kernel of "cubic" is Keys 1981.
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

MODES = ("nearest", "linear", "cubic")
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


@functools.lru_cache(maxsize=64)
def compute_matrix(axis: AxisMap) -> Any:
    """Return the matrix (outputs, length) of modes "linear" and "cubic"; None where it changes nothing.

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
    matrix = np.zeros((axis.outputs, axis.length))
    np.add.at(matrix, (np.arange(axis.outputs)[:, None], np.clip(taps, 0, axis.length - 1)), weights)
    unchanged = axis.outputs == axis.length and np.array_equal(matrix, np.eye(axis.length))
    return None if unchanged else matrix


def _triangle(distance: Values) -> Values:
    return np.maximum(1 - np.abs(distance), 0)


def _cubic(a: float, distance: Values) -> Values:
    """Keys' kernel: ((a+2)|d| - (a+3)) d^2 + 1 up to 1, a (|d|^3 - 5 d^2 + 8 |d| - 4) up to 2."""
    d = np.abs(distance)
    near = ((a + 2) * d - (a + 3)) * d * d + 1
    far = ((d - 5) * d + 8) * d * a - 4 * a
    return np.where(d <= 1, near, np.where(d < 2, far, 0.0))
