"""Calibration: whether predictions of confidence 0.8 are right in 80 % of the cases."""

from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from cnnkit.errors import DataError
from cnnkit.metrics.checks import require_scores, require_whole

BINS = 15  # as Guo et al. 2017 have them


@dataclass(frozen=True)
class CalibrationBin:
    """The predictions with a confidence above `low` and up to `high`; of no predictions the means are NaN."""

    low: float
    high: float
    count: int
    confidence: float
    accuracy: float


@dataclass(frozen=True)
class Calibration:
    """Predictions by their confidence, the score of the predicted class, in bins of one width.

    expected_error: the mean over predictions of the distance of accuracy and confidence of their bin (ECE; Naeini et
    al. 2015, Guo et al. 2017). largest_error: that of the worst bin (MCE).
    """

    bins: tuple[CalibrationBin, ...]
    expected_error: float
    largest_error: float

    def to_json(self) -> dict[str, Any]:
        """Return the errors and the bins that have predictions."""
        rows = [asdict(part) for part in self.bins if part.count]
        return {"expected_error": self.expected_error, "largest_error": self.largest_error, "bins": rows}


def calibration(labels: ArrayLike, scores: ArrayLike, bins: int = BINS) -> Calibration:
    """Return how accuracy follows confidence. labels: (N,); scores: (N, K), shares in [0, 1].

    Raises DataError for scores beyond 0 to 1, ConfigError for fewer than one bin.
    """
    truth, numbers = require_scores(labels, scores)
    count = require_whole("bins", bins, 1)
    if numbers.min() < 0 or numbers.max() > 1:
        raise DataError(f"scores: expected shares from 0 to 1, got {numbers.min():.6g} to {numbers.max():.6g}")
    confidence, right = numbers.max(axis=1), numbers.argmax(axis=1) == truth
    edges = np.linspace(0.0, 1.0, count + 1)
    places = np.clip(np.searchsorted(edges, confidence, side="left") - 1, 0, count - 1)
    found = []
    for number, (low, high) in enumerate(pairwise(edges.tolist())):
        inside = places == number
        means = (float(confidence[inside].mean()), float(right[inside].mean())) if inside.any() else (float("nan"),) * 2
        found.append(CalibrationBin(float(low), float(high), int(inside.sum()), *means))
    gaps = [(part.count, abs(part.accuracy - part.confidence)) for part in found if part.count]
    expected = sum(number * gap for number, gap in gaps) / len(truth)
    return Calibration(tuple(found), expected, max(gap for _, gap in gaps))
