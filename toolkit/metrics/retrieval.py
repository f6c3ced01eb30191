"""How well embeddings bring samples of one class together."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from cnnkit.errors import DataError
from cnnkit.metrics.checks import class_indices, finite_scores, to_json_number

_ROWS = 256  # whose distances are computed together


def recall_at_1(embeddings: ArrayLike, labels: ArrayLike) -> float:
    """Return the share of samples whose nearest other sample, by Euclidean distance, is of their class.

    embeddings (N, D), labels (N,). Samples without another one of their class are not counted; NaN where none is left.
    Of equal distances the first sample is the nearest.
    """
    points = finite_scores("embeddings", embeddings, (None, None))
    truth = np.asarray(labels)
    truth = class_indices("labels", truth, int(truth.max(initial=0)) + 1)
    if len(truth) != len(points):
        raise DataError(f"embeddings: expected {len(truth)} rows, one per label, got {len(points)}")
    right = np.zeros(len(points), bool)
    squares = np.square(points).sum(axis=1)
    for start in range(0, len(points), _ROWS):
        rows = slice(start, start + _ROWS)
        distances = squares - 2 * points[rows] @ points.T
        own = np.arange(len(distances))
        distances[own, own + start] = np.inf
        right[rows] = truth[distances.argmin(axis=1)] == truth[rows]
    counted = np.bincount(truth)[truth] > 1
    return float(right[counted].mean()) if counted.any() else float("nan")


@dataclass(frozen=True)
class RetrievalReport:
    """How often the nearest other sample is of the same class; NaN where no class has two samples."""

    kind: ClassVar[str] = "embedding"

    images: int
    recall_at_1: float

    headings: ClassVar[tuple[str, ...]] = ()
    rows: ClassVar[list[tuple[Any, ...]]] = []

    @property
    def figures(self) -> dict[str, float]:
        """The headline: {metric: value}."""
        return {"recall at 1": self.recall_at_1}

    def to_json(self) -> dict[str, Any]:
        """Return the report as JSON values, None for NaN."""
        value = to_json_number(self.recall_at_1)
        undefined = {} if value is not None else {"recall_at_1": "no class has two samples"}
        return {"images": self.images, "recall_at_1": value, "undefined": undefined}
