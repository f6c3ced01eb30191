"""ROC-AUC: how well the scores rank the images, independent of any threshold."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

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


def roc_auc_per_class(labels: ArrayLike, scores: ArrayLike) -> NDArray[np.float64]:
    """Return the ROC-AUC (K,) of each class against all others, NaN where no image or every image is of the class.

    labels: (N,); scores: (N, K).
    """
    truth, numbers = require_scores(labels, scores)
    return np.array([roc_auc(truth == k, numbers[:, k]) for k in range(numbers.shape[1])])
