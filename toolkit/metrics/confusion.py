"""The confusion matrix, from which most metrics of a classifier are computed."""

import numpy as np
from numpy.typing import ArrayLike

from cnnkit.errors import DataError
from cnnkit.metrics.checks import Labels, class_indices, require_whole


def confusion_matrix(labels: ArrayLike, predicted: ArrayLike, classes: int) -> Labels:
    """Return counts (classes, classes): truth in rows, prediction in columns.

    labels, predicted: class indices (N,). Raises DataError on unequal lengths, no images, or a class out of range.
    """
    truth, guess = class_indices("labels", labels, classes), class_indices("predicted", predicted, classes)
    if truth.shape != guess.shape:
        raise DataError(f"predicted: expected {truth.size} classes, one per label, got {guess.size}")
    return np.bincount(truth * classes + guess, minlength=classes * classes).reshape(classes, classes).astype(np.int64)


def largest_confusions(confusion: Labels, count: int = 3) -> list[tuple[int, int, int]]:
    """Return up to `count` (truth, prediction, frequency) off the diagonal and above zero, the most frequent first."""
    require_whole("largest confusions", count, 0)
    off = confusion - np.diag(np.diagonal(confusion))
    order = np.argsort(-off, axis=None, kind="stable")[:count]
    pairs = [(int(i) // len(off), int(i) % len(off)) for i in order]
    return [(truth, guess, int(off[truth, guess])) for truth, guess in pairs if off[truth, guess] > 0]
