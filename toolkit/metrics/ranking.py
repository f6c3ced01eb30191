"""How well the scores rank the images: ROC, the area below it, and precision over recall, over all thresholds."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cnnkit.errors import DataError
from cnnkit.metrics.checks import class_indices, finite_scores, require_scores


def roc_auc(labels: ArrayLike, scores: ArrayLike) -> float:
    """Return P(score of a positive > score of a negative) + P(equal) / 2, NaN where either class is absent.

    labels: 0 or 1 (N,); scores: (N,), of class 1. The Mann-Whitney statistic by ranks, ties at their middle rank,
    summed in integers: exact up to the last division (Hanley and McNeil 1982).
    """
    truth = class_indices("labels", labels, 2).astype(bool)
    numbers = finite_scores("scores", scores, (truth.size,))
    positives = int(truth.sum())
    negatives = truth.size - positives
    if positives == 0 or negatives == 0:
        return float("nan")
    _, inverse, counts = np.unique(numbers, return_inverse=True, return_counts=True)
    doubled_ranks = 2 * np.cumsum(counts) - counts + 1  # twice the middle rank of each tie, a whole number
    doubled_sum = int(doubled_ranks[inverse][truth].sum())
    return (doubled_sum - positives * (positives + 1)) / (2 * positives * negatives)


def roc_curve(labels: ArrayLike, scores: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return (false positive rate, true positive rate), both from 0 to 1, one point for each threshold.

    labels: 0 or 1 (N,), both present; scores: (N,), of class 1. The area below, by trapezoids, is `roc_auc`.

    Raises DataError where a class is absent.
    """
    truth = class_indices("labels", labels, 2).astype(bool)
    numbers = finite_scores("scores", scores, (truth.size,))
    if truth.all() or not truth.any():
        raise DataError(f"labels: expected both classes for an ROC curve, got only {int(truth[0])}")
    order = np.argsort(-numbers, kind="stable")
    last = np.append(np.flatnonzero(np.diff(numbers[order])), truth.size - 1)  # of each tie: one threshold for all
    right = np.concatenate(([0], np.cumsum(truth[order])[last]))
    wrong = np.concatenate(([0], last + 1)) - right
    return wrong / wrong[-1], right / right[-1]


def precision_recall_curve(labels: ArrayLike, scores: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return (recall, precision), one point for each threshold from the highest, behind the point (0, 1).

    labels: 0 or 1 (N,), a positive among them; scores: (N,), of class 1.

    Raises DataError without a positive.
    """
    truth = class_indices("labels", labels, 2).astype(bool)
    numbers = finite_scores("scores", scores, (truth.size,))
    if not truth.any():
        raise DataError("labels: expected a positive for a curve of precision and recall, got none")
    order = np.argsort(-numbers, kind="stable")
    last = np.append(np.flatnonzero(np.diff(numbers[order])), truth.size - 1)  # of each tie: one threshold for all
    right = np.cumsum(truth[order])[last]
    return np.append(0.0, right / truth.sum()), np.append(1.0, right / (last + 1))


def roc_auc_per_class(labels: ArrayLike, scores: ArrayLike) -> NDArray[np.float64]:
    """Return the ROC-AUC (K,) of each class against all others, NaN where no image or every image is of the class.

    labels: (N,); scores: (N, K).
    """
    truth, numbers = require_scores(labels, scores)
    return np.array([roc_auc(truth == k, numbers[:, k]) for k in range(numbers.shape[1])])
