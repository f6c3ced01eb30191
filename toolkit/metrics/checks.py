"""The checks that all metrics apply to their inputs."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cnnkit.errors import ConfigError, DataError

Labels = NDArray[np.int64]
Numbers = NDArray[np.float64]


def as_array(what: str, values: ArrayLike) -> NDArray[Any]:
    """Return `values` as an array. Raises DataError where their rows have several lengths."""
    try:
        return np.asarray(values)
    except ValueError:
        raise DataError(f"{what}: expected numbers in rows of one length, got {type(values).__name__}") from None


def require_whole(what: str, value: object, least: int) -> int:
    """Return `value` as an int. Raises ConfigError unless it is a whole number of at least `least`."""
    if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < least:
        raise ConfigError(f"{what}: expected a whole number >= {least}, got {value!r}")
    return int(value)


def require_positive(what: str, value: float) -> float:
    """Return `value`. Raises ConfigError unless it is a finite number above 0."""
    if not 0 < value < float("inf"):
        raise ConfigError(f"{what}: expected a number above 0, got {value!r}")
    return float(value)


def class_indices(what: str, values: ArrayLike, classes: int) -> Labels:
    """Return `values` as int64 (N,), N >= 1, each in [0, classes).

    Raises ConfigError on classes < 1, DataError on anything else.
    """
    classes = require_whole("classes", classes, 1)
    given = as_array(what, values)
    if given.ndim != 1 or given.size == 0:
        raise DataError(f"{what}: expected one class index per image (N,), N >= 1, got shape {given.shape}")
    if given.dtype.kind not in "iub":
        raise DataError(f"{what}: expected integer class indices, got {given.dtype}: apply argmax to one-hot rows")
    wrong = np.flatnonzero((given < 0) | (given >= classes))
    if wrong.size:
        first = int(wrong[0])
        raise DataError(f"{what}: expected classes 0 to {classes - 1}, got {given[first]} at image {first}")
    return given.astype(np.int64)


def finite_scores(what: str, values: ArrayLike, shape: tuple[int | None, ...]) -> Numbers:
    """Return `values` as float64 of `shape`, where None allows any length of 1 or more.

    Raises DataError on another shape, NaN or an infinity.
    """
    given = as_array(what, values)
    fits = given.ndim == len(shape) and all(
        n > 0 if wanted is None else n == wanted for n, wanted in zip(given.shape, shape, strict=True)
    )
    if not fits:
        wanted_text = ", ".join("any" if n is None else str(n) for n in shape)
        raise DataError(f"{what}: expected shape ({wanted_text}), got {given.shape}")
    if given.dtype.kind not in "iubf":
        raise DataError(f"{what}: expected real numbers, got {given.dtype}")
    numbers = given.astype(np.float64)
    wrong = np.argwhere(~np.isfinite(numbers))
    if wrong.size:
        first = tuple(int(i) for i in wrong[0])
        raise DataError(f"{what}: expected finite numbers, got {numbers[first]} at image {first[0]}")
    return numbers


def require_scores(labels: ArrayLike, scores: ArrayLike) -> tuple[Labels, Numbers]:
    """Return labels as int64 (N,) and scores as float64 (N, K).

    Raises DataError where their lengths differ, a label is no class, or a score is not finite.
    """
    numbers = finite_scores("scores", scores, (None, None))
    truth = class_indices("labels", labels, numbers.shape[1])
    if truth.size != len(numbers):
        raise DataError(f"scores: expected {truth.size} rows, one per label, got {len(numbers)}")
    return truth, numbers


def to_json_number(value: float) -> float | None:
    """Return a number as JSON holds it, None for NaN."""
    return None if np.isnan(value) else float(value)
