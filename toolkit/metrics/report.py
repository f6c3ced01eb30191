"""All metrics of a classifier as one value."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import ArrayLike

from cnnkit.errors import DataError
from cnnkit.metrics.accuracies import top_k_accuracy
from cnnkit.metrics.checks import require_scores
from cnnkit.metrics.confusion import confusion_matrix, largest_confusions
from cnnkit.metrics.precision_recall import class_scores, macro
from cnnkit.metrics.ranking import roc_auc_per_class

METRICS = ("precision", "recall", "f1", "roc_auc")


@dataclass(frozen=True)
class Scores:
    """Four metrics in [0, 1], NaN where undefined: of one class against all others, or the mean over all classes."""

    precision: float
    recall: float
    f1: float
    roc_auc: float

    def to_json(self) -> dict[str, float | None]:
        """Return {metric: value}, None for NaN."""
        return {name: None if math.isnan(value := getattr(self, name)) else value for name in METRICS}


@dataclass(frozen=True)
class Confusion:
    """`count` images of class `label` were classified as `predicted`."""

    label: str
    predicted: str
    count: int


@dataclass(frozen=True)
class Report:
    """The metrics of one evaluation.

    classes, support: in the order of class_names. binary: class 1 as the positive one, None unless there are two.
    top_5: the share of images whose class is among the five highest scores, None for five classes or fewer.
    confusion_matrix: truth in rows. undefined: path in the JSON ("precision", "classes.3.precision") -> reason.
    """

    images: int
    accuracy: float
    macro: Scores
    binary: Scores | None
    class_names: tuple[str, ...]
    classes: tuple[Scores, ...]
    support: tuple[int, ...]
    confusion_matrix: tuple[tuple[int, ...], ...]
    largest_confusions: tuple[Confusion, ...]
    undefined: dict[str, str]
    top_5: float | None = None

    @property
    def figures(self) -> dict[str, float]:
        """The headline: {metric: value}."""
        more = {} if self.top_5 is None else {"top-5 accuracy": self.top_5}
        return {"accuracy": self.accuracy, **more, "macro F1": self.macro.f1}

    @property
    def headings(self) -> tuple[str, ...]:
        """The headings of `rows`."""
        return ("class", "images", "precision", "recall", "F1", "ROC-AUC")

    @property
    def rows(self) -> list[tuple[Any, ...]]:
        """A row for each class."""
        by_class = zip(self.class_names, self.support, self.classes, strict=True)
        return [(name, support, *vars(scores).values()) for name, support, scores in by_class]

    def to_json(self) -> dict[str, Any]:
        """Return the report as JSON values, None for NaN; macro values at the top, `binary` only for two classes."""
        rows = zip(self.class_names, self.classes, self.support, strict=True)
        return {
            "images": self.images,
            "accuracy": self.accuracy,
            **({} if self.top_5 is None else {"top_5_accuracy": self.top_5}),
            **self.macro.to_json(),
            **({"binary": self.binary.to_json()} if self.binary else {}),
            "classes": [{"name": name, **scores.to_json(), "support": support} for name, scores, support in rows],
            "confusion_matrix": [list(row) for row in self.confusion_matrix],
            "largest_confusions": [vars(confusion).copy() for confusion in self.largest_confusions],
            "undefined": dict(self.undefined),
        }


def classification_report(labels: ArrayLike, scores: ArrayLike, class_names: Sequence[str]) -> Report:
    """Return every metric of a classifier that predicts the class of the highest score, of equal scores the first.

    labels: (N,); scores: (N, K), K = len(class_names); a net with one output p gives the columns 1-p and p.

    Raises DataError on no images, unequal lengths, a label out of range, another K, or non-finite scores.
    """
    names = tuple(class_names)
    truth, numbers = require_scores(labels, scores)
    if numbers.shape[1] != len(names):
        raise DataError(f"scores: expected {len(names)} columns, one per class, got {numbers.shape[1]}")
    confusion = confusion_matrix(truth, numbers.argmax(axis=1), len(names))
    by_class, areas = class_scores(confusion), roc_auc_per_class(truth, numbers)
    columns = (by_class.precision, by_class.recall, by_class.f1, areas)
    classes = tuple(Scores(*(float(column[k]) for column in columns)) for k in range(len(names)))
    reasons = dict(by_class.undefined)
    for k, area in enumerate(areas):
        if math.isnan(area):
            absent = by_class.support[k] == 0
            reasons["roc_auc", k] = f"no image of class {k}" if absent else f"every image is of class {k}"
    return Report(
        images=truth.size,
        accuracy=float(confusion.trace() / truth.size),
        macro=Scores(*(macro(column) for column in columns)),
        binary=classes[1] if len(names) == 2 else None,
        class_names=names,
        classes=classes,
        support=tuple(int(n) for n in by_class.support),
        confusion_matrix=tuple(tuple(int(n) for n in row) for row in confusion),
        largest_confusions=tuple(Confusion(names[i], names[j], n) for i, j, n in largest_confusions(confusion)),
        undefined=_paths(reasons, len(names)),
        top_5=top_k_accuracy(numbers, truth, 5) if len(names) > 5 else None,
    )


def _paths(reasons: dict[tuple[str, int], str], classes: int) -> dict[str, str]:
    """Return {path in the JSON: reason} for the macro value, the binary value and the class's own value."""
    paths: dict[str, str] = {}
    for (metric, k), reason in sorted(reasons.items()):
        paths[metric] = f"{paths[metric]}; {reason}" if metric in paths else reason
        if classes == 2 and k == 1:
            paths[f"binary.{metric}"] = reason
        paths[f"classes.{k}.{metric}"] = reason
    return paths
