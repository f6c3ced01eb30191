"""Precision, recall and F1 per class. 0/0 is NaN with a reason: a zero would be mistaken for a measured value."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cnnkit.errors import DataError
from cnnkit.metrics.checks import Labels, as_array

Values = NDArray[np.float64]


@dataclass(frozen=True)
class ClassScores:
    """Precision, recall, F1 (K,) in [0, 1] or NaN, support (K,); `undefined` maps (metric, class) to the reason."""

    precision: Values
    recall: Values
    f1: Values
    support: Labels
    undefined: dict[tuple[str, int], str]


def class_scores(confusion: Labels) -> ClassScores:
    """Return TP/(TP+FP), TP/(TP+FN) and 2TP/(2TP+FP+FN) of each class against all others.

    confusion: (K, K), truth in rows. Of two classes, 1 is the positive one. F1 is 0 where precision or recall alone is
    undefined: computed from counts, it is 0/0 only for a class neither present nor predicted.
    """
    confusion = as_array("confusion", confusion)
    square = confusion.ndim == 2 and confusion.shape[0] == confusion.shape[1]
    if not square or confusion.dtype.kind not in "iu":
        raise DataError(f"confusion: expected counts (K, K), got {confusion.dtype} {confusion.shape}")
    hits, truth, guesses = np.diagonal(confusion), confusion.sum(axis=1), confusion.sum(axis=0)
    undefined: dict[tuple[str, int], str] = {}
    for k in range(len(confusion)):
        if guesses[k] == 0:
            undefined["precision", k] = f"class {k} was never predicted"
        if truth[k] == 0:
            undefined["recall", k] = f"no image of class {k}"
        if truth[k] == 0 and guesses[k] == 0:
            undefined["f1", k] = f"no image of class {k}, nor was it predicted"
    return ClassScores(_ratio(hits, guesses), _ratio(hits, truth), _ratio(2 * hits, truth + guesses), truth, undefined)


def macro(values: Values) -> float:
    """Return the mean over the classes, NaN where one is NaN: a mean over fewer classes is another metric."""
    return float(np.mean(values))


def _ratio(numerator: Labels, denominator: Labels) -> Values:
    ratio = np.full(len(numerator), np.nan)
    np.divide(numerator, denominator, out=ratio, where=denominator > 0)
    return ratio
