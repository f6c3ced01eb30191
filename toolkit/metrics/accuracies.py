"""The accuracy of a classifier, and its most confident mistakes."""

import numpy as np
from numpy.typing import ArrayLike

from cnnkit.errors import ConfigError
from cnnkit.metrics.checks import require_scores, require_whole
from cnnkit.metrics.confusion import confusion_matrix


def accuracy(labels: ArrayLike, predicted: ArrayLike, classes: int) -> float:
    """Return the share of images predicted correctly; labels, predicted: class indices (N,)."""
    confusion = confusion_matrix(labels, predicted, classes)
    return float(np.trace(confusion) / confusion.sum())


def top_k_accuracy(scores: ArrayLike, labels: ArrayLike, k: int) -> float:
    """Return the share of images whose true class is among the `k` highest scores.

    scores: (N, K); labels: (N,). Among equal scores the lower class ranks first, so k = 1 gives the accuracy of argmax.

    Raises ConfigError on k outside [1, K], DataError on invalid scores or labels.
    """
    truth, numbers = require_scores(labels, scores)
    if not 1 <= require_whole("top-k accuracy: k", k, 0) <= numbers.shape[1]:
        raise ConfigError(f"top-k accuracy: expected k from 1 to {numbers.shape[1]}, the number of classes, got {k}")
    true_scores = np.take_along_axis(numbers, truth[:, None], axis=1)
    earlier = np.arange(numbers.shape[1]) < truth[:, None]
    rank = ((numbers > true_scores) | ((numbers == true_scores) & earlier)).sum(axis=1)
    return float(np.mean(rank < k))


def most_confident_mistakes(labels: ArrayLike, scores: ArrayLike, n: int) -> list[tuple[int, int, int, float]]:
    """Return up to `n` (index, label, predicted, confidence) of wrong predictions, the most confident first.

    labels: (N,); scores: (N, K). Equal confidences keep the order of the images.
    """
    require_whole("mistakes", n, 0)
    truth, numbers = require_scores(labels, scores)
    predicted, confidence = numbers.argmax(axis=1), numbers.max(axis=1)
    wrong = np.flatnonzero(predicted != truth)
    order = wrong[np.argsort(-confidence[wrong], kind="stable")][:n]
    return [(int(i), int(truth[i]), int(predicted[i]), float(confidence[i])) for i in order]
