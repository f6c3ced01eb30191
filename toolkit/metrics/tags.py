"""Several labels a sample: how well their scores rank, and how well they decide at a threshold."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from cnnkit.errors import DataError
from cnnkit.metrics.checks import Numbers, class_indices, finite_scores, to_json_number
from cnnkit.metrics.ranking import roc_auc


def average_precision(labels: ArrayLike, scores: ArrayLike) -> float:
    """Return the sum over thresholds of (recall - recall at the one above) * precision, NaN without a positive.

    labels: 0 or 1 (N,); scores: (N,), of label 1. Equal scores are one threshold.
    """
    truth = class_indices("labels", labels, 2)
    numbers = finite_scores("scores", scores, (truth.size,))
    if not truth.any():
        return float("nan")
    right, chosen, _ = _sweep(truth, numbers)
    recall = right / truth.sum()
    return float(np.sum(np.diff(recall, prepend=0) * (right / chosen)))


def best_threshold(labels: ArrayLike, scores: ArrayLike) -> tuple[float, float]:
    """Return (threshold, F1): scores at or above the threshold are positive, with the largest F1 that any one gives.

    Of equal ones the highest threshold; NaN without a positive. labels, scores as average_precision takes them. An F1
    on the same samples as the threshold was chosen on is too good: choose on training or validation samples.
    """
    truth = class_indices("labels", labels, 2)
    numbers = finite_scores("scores", scores, (truth.size,))
    if not truth.any():
        return float("nan"), float("nan")
    right, chosen, thresholds = _sweep(truth, numbers)
    f1 = 2 * right / (chosen + truth.sum())
    best = int(np.argmax(f1))
    return float(thresholds[best]), float(f1[best])


def _sweep(truth: Any, scores: Numbers) -> tuple[Any, Any, Numbers]:
    """Return, from the highest threshold to the lowest, how many chosen ones are right, how many are chosen, and it."""
    order = np.argsort(-scores, kind="stable")
    last = np.append(np.flatnonzero(np.diff(scores[order])), truth.size - 1)
    return np.cumsum(truth[order])[last], last + 1, scores[order][last]


@dataclass(frozen=True)
class TagScores:
    """Measures of one tag at the threshold 0.5, and over all; NaN where undefined.

    threshold, best_f1: see `best_threshold`. support: samples that have the tag.
    """

    precision: float
    recall: float
    f1: float
    average_precision: float
    roc_auc: float
    threshold: float
    best_f1: float
    support: int

    def to_json(self) -> dict[str, float | None]:
        """Return {metric: value}, None for NaN."""
        return {name: to_json_number(value) for name, value in vars(self).items()} | {"support": self.support}


@dataclass(frozen=True)
class TagsReport:
    """Measures of several labels a sample (N, K), decided at 0.5.

    accuracy: the share of single decisions that are right, 1 - Hamming loss. exact: that of samples with every tag
    right. micro_f1 counts all decisions together, macro_f1 is the mean over tags, map that of average precisions.
    undefined: path in the JSON -> reason.
    """

    kind: ClassVar[str] = "tags"

    images: int
    accuracy: float
    exact: float
    micro_f1: float
    macro_f1: float
    map: float
    names: tuple[str, ...]
    tags: tuple[TagScores, ...]
    undefined: dict[str, str]

    @property
    def figures(self) -> dict[str, float]:
        """The headline: {metric: value}."""
        return {"tag accuracy": self.accuracy, "all right": self.exact, "mAP": self.map, "micro F1": self.micro_f1,
                "macro F1": self.macro_f1}  # fmt: skip

    @property
    def headings(self) -> tuple[str, ...]:
        """The headings of `rows`."""
        return ("tag", "images", "precision", "recall", "F1", "AP", "ROC-AUC", "best threshold", "its F1")

    @property
    def rows(self) -> list[tuple[Any, ...]]:
        """A row for each tag."""
        return [
            (name, t.support, t.precision, t.recall, t.f1, t.average_precision, t.roc_auc, t.threshold, t.best_f1)
            for name, t in zip(self.names, self.tags, strict=True)
        ]

    def to_json(self) -> dict[str, Any]:
        """Return the report as JSON values, None for NaN."""
        totals = {
            name: to_json_number(getattr(self, name)) for name in ("accuracy", "exact", "micro_f1", "macro_f1", "map")
        }
        return {
            "images": self.images,
            **totals,
            "hamming_loss": 1 - self.accuracy,
            "tags": [{"name": name, **tag.to_json()} for name, tag in zip(self.names, self.tags, strict=True)],
            "undefined": dict(self.undefined),
        }


def tags_report(scores: ArrayLike, tags: ArrayLike, names: Sequence[str] = ()) -> TagsReport:
    """Return every measure of scores (N, K) against tags (N, K); both count as yes from 0.5 on.

    Raises DataError on other shapes, no samples or scores that are not finite.
    """
    truth = finite_scores("tags", tags, (None, None)) >= 0.5
    numbers = finite_scores("scores", scores, truth.shape)
    labels = tuple(names) or tuple(map(str, range(truth.shape[1])))
    if len(labels) != truth.shape[1]:
        raise DataError(f"tags: expected a name for each of {truth.shape[1]} tags, got {len(labels)}")
    guess = numbers >= 0.5
    hits = np.stack([(guess & truth).sum(axis=0), guess.sum(axis=0), truth.sum(axis=0)])
    each = tuple(_score_tag(truth[:, k], numbers[:, k], *hits[:, k].tolist()) for k in range(truth.shape[1]))
    undefined = {}
    for k, tag in enumerate(each):
        for metric in (name for name, value in vars(tag).items() if np.isnan(value)):
            never = metric == "precision" or (metric == "roc_auc" and tag.support)
            reason = "was never predicted" if metric == "precision" else "is in every sample" if never else "is in none"
            undefined[f"tags.{k}.{metric}"] = f"{labels[k]} {reason}"
    for total, metric in (("macro_f1", "f1"), ("map", "average_precision")):
        reasons = [reason for path, reason in undefined.items() if path.endswith(f".{metric}")]
        undefined |= {total: "; ".join(reasons)} if reasons else {}
    right, chosen, present = hits.sum(axis=1).tolist()
    return TagsReport(
        len(truth), float((guess == truth).mean()), float((guess == truth).all(axis=1).mean()),
        _ratio(2 * right, chosen + present), float(np.mean([tag.f1 for tag in each])),
        float(np.mean([tag.average_precision for tag in each])), labels, each, undefined,
    )  # fmt: skip


def _score_tag(truth: Any, scores: Numbers, right: int, chosen: int, present: int) -> TagScores:
    labels = truth.astype(np.int64)
    threshold, best = best_threshold(labels, scores)
    return TagScores(
        _ratio(right, chosen), _ratio(right, present), _ratio(2 * right, chosen + present),
        average_precision(labels, scores), roc_auc(labels, scores), threshold, best, present,
    )  # fmt: skip


def _ratio(numerator: int, denominator: int) -> float:
    return numerator / denominator if denominator else float("nan")
