"""The error of numeric outputs."""

import numpy as np
from numpy.typing import ArrayLike

from cnnkit.metrics.checks import as_array, finite_scores


def mean_squared_error(outputs: ArrayLike, targets: ArrayLike) -> float:
    """Return the mean of (output - target)^2 over every image and every output, in float64.

    outputs, targets: (N, K) or (N,), equal shapes. Raises DataError on other shapes, no images or non-finite numbers.
    """
    given = as_array("targets", targets)
    wanted = finite_scores("targets", given, (None,) * max(given.ndim, 1))
    return float(np.mean(np.square(finite_scores("outputs", outputs, wanted.shape) - wanted)))
