"""Errors of outputs that are numbers rather than classes."""

import numpy as np
from numpy.typing import ArrayLike

from cnnkit.metrics.checks import finite_scores


def mean_squared_error(outputs: ArrayLike, targets: ArrayLike) -> float:
    """Return the mean of (output - target)^2 over every image and every output, in float64.

    outputs, targets: one shape, (N, K) or (N,). Raises DataError on unequal shapes, no images, and numbers not finite.
    """
    wanted = finite_scores("targets", targets, (None,) * max(np.ndim(targets), 1))
    return float(np.mean(np.square(finite_scores("outputs", outputs, wanted.shape) - wanted)))
