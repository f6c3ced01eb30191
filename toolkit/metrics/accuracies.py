"""How often a classifier is right, and where it errs with the most confidence."""

import numpy as np
from numpy.typing import ArrayLike

from cnnkit.errors import ConfigError
from cnnkit.metrics.checks import scored
from cnnkit.metrics.confusion import confusion_matrix


def accuracy(labels: ArrayLike, predicted: ArrayLike, classes: int) -> float:
    """Return the share of images whose predicted class is the true one; labels, predicted: class indices (N,)."""
    confusion = confusion_matrix(labels, predicted, classes)
    return float(np.trace(confusion) / confusion.sum())


def top_k_accuracy(scores: ArrayLike, labels: ArrayLike, k: int) -> float:
    """Return the share of images whose true class is among the `k` highest scores.

    scores: (N, K); labels: (N,). Of equal scores the lower class ranks first, so k = 1 is the accuracy of argmax.

    Raises ConfigError on k outside [1, K], DataError on unusable scores or labels.
    """
    truth, numbers = scored(labels, scores)
    if not 1 <= k <= numbers.shape[1]:
        raise ConfigError(f"top-k accuracy: expected k from 1 to {numbers.shape[1]}, the number of classes, got {k}")
    own = np.take_along_axis(numbers, truth[:, None], axis=1)
    earlier = np.arange(numbers.shape[1]) < truth[:, None]
    rank = ((numbers > own) | ((numbers == own) & earlier)).sum(axis=1)
    return float(np.mean(rank < k))


def most_confident_mistakes(labels: ArrayLike, scores: ArrayLike, n: int) -> list[tuple[int, int, int, float]]:
    """Return up to `n` (index, label, predicted, confidence) of wrong predictions, the highest winning score first.

    labels: (N,); scores: (N, K). Equal confidences stay in the order of the images.
    """
    if n < 0:
        raise ConfigError(f"mistakes: expected a number of 0 or more, got {n}")
    truth, numbers = scored(labels, scores)
    predicted, confidence = numbers.argmax(axis=1), numbers.max(axis=1)
    wrong = np.flatnonzero(predicted != truth)
    order = wrong[np.argsort(-confidence[wrong], kind="stable")][:n]
    return [(int(i), int(truth[i]), int(predicted[i]), float(confidence[i])) for i in order]
