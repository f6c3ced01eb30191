"""How predicted and true maps of classes cover each other."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from cnnkit.errors import DataError
from cnnkit.metrics.checks import Labels, Numbers, as_array, require_whole, to_json_number


def map_confusion(labels: ArrayLike, predicted: ArrayLike, classes: int) -> Labels:
    """Return counts (classes, classes) of places: truth in rows, prediction in columns.

    labels, predicted: class indices of one shape (N, H, W); places whose label is -1 are not counted.
    Raises DataError on unequal shapes and classes out of range.
    """
    require_whole("classes", classes, 1)
    truth, guess = as_array("labels", labels), as_array("predicted", predicted)
    if truth.shape != guess.shape or truth.dtype.kind not in "iu" or guess.dtype.kind not in "iu":
        raise DataError(f"predicted: expected a class for each label {truth.shape}, got {guess.dtype} {guess.shape}")
    counted = truth >= 0
    truth, guess = truth[counted].astype(np.int64), guess[counted].astype(np.int64)
    for what, values in (("labels", truth), ("predicted", guess)):
        if values.size and not 0 <= values.min() <= values.max() < classes:
            raise DataError(f"{what}: expected classes 0 to {classes - 1}, got {int(values.max())}")
    return np.bincount(truth * classes + guess, minlength=classes**2).reshape(classes, classes).astype(np.int64)


def intersection_over_union(confusion: Labels) -> Numbers:
    """Return TP / (TP + FP + FN) of each class (K,), NaN for a class neither there nor predicted. Jaccard 1901."""
    hits, union = np.diagonal(confusion), confusion.sum(axis=0) + confusion.sum(axis=1) - np.diagonal(confusion)
    return _divide(hits, union)


def dice_score(confusion: Labels) -> Numbers:
    """Return 2 TP / (2 TP + FP + FN) of each class (K,), NaN for a class neither there nor predicted. Dice 1945."""
    return _divide(2 * np.diagonal(confusion), confusion.sum(axis=0) + confusion.sum(axis=1))


def pixel_accuracy(confusion: Labels) -> float:
    """Return the share of places whose class is right, NaN where none is counted."""
    return float(_divide(np.trace(confusion)[None], confusion.sum()[None])[0])


@dataclass(frozen=True)
class MapReport:
    """How well maps of classes are predicted; means over classes leave out those neither there nor predicted.

    iou, dice: of each class, NaN where undefined. places: that were counted, and how many are of each class.
    confusion_matrix: truth in rows. undefined: path in the JSON -> reason.
    """

    kind: ClassVar[str] = "class_map"

    images: int
    accuracy: float
    mean_iou: float
    mean_dice: float
    class_names: tuple[str, ...]
    iou: tuple[float, ...]
    dice: tuple[float, ...]
    places: tuple[int, ...]
    confusion_matrix: tuple[tuple[int, ...], ...]
    undefined: dict[str, str]

    @property
    def figures(self) -> dict[str, float]:
        """The headline: {metric: value}."""
        return {"pixel accuracy": self.accuracy, "mean IoU": self.mean_iou, "mean Dice": self.mean_dice}

    @property
    def headings(self) -> tuple[str, ...]:
        """The headings of `rows`."""
        return ("class", "places", "IoU", "Dice")

    @property
    def rows(self) -> list[tuple[Any, ...]]:
        """A row for each class."""
        return list(zip(self.class_names, self.places, self.iou, self.dice, strict=True))

    def to_json(self) -> dict[str, Any]:
        """Return the report as JSON values, None for NaN."""
        return {
            "images": self.images,
            "accuracy": to_json_number(self.accuracy),
            "mean_iou": to_json_number(self.mean_iou),
            "mean_dice": to_json_number(self.mean_dice),
            "classes": [
                {"name": name, "iou": to_json_number(iou), "dice": to_json_number(dice), "places": places}
                for name, places, iou, dice in self.rows
            ],
            "confusion_matrix": [list(row) for row in self.confusion_matrix],
            "undefined": dict(self.undefined),
        }


def map_report(confusion: Labels, class_names: Sequence[str], images: int) -> MapReport:
    """Return the measures of a confusion matrix (K, K) of places, as `map_confusion` counts them."""
    names = tuple(class_names)
    if confusion.shape != (len(names), len(names)):
        raise DataError(f"confusion: expected counts of {len(names)} classes, got {confusion.shape}")
    iou, dice = intersection_over_union(confusion), dice_score(confusion)
    undefined = {
        f"classes.{k}.{metric}": f"no place of class {k}, nor was it predicted"
        for k in np.flatnonzero(np.isnan(iou)).tolist()
        for metric in ("iou", "dice")
    }
    seen = ~np.isnan(iou)
    if not seen.any():
        undefined |= dict.fromkeys(("accuracy", "mean_iou", "mean_dice"), "no place has a label")
    mean_iou, mean_dice = (float(v[seen].mean()) if seen.any() else float("nan") for v in (iou, dice))
    return MapReport(
        images, pixel_accuracy(confusion), mean_iou, mean_dice, names, tuple(iou.tolist()), tuple(dice.tolist()),
        tuple(confusion.sum(axis=1).tolist()), tuple(tuple(row) for row in confusion.tolist()), undefined,
    )  # fmt: skip


def _divide(numerator: Labels, denominator: Labels) -> Numbers:
    ratio = np.full(len(numerator), np.nan)
    np.divide(numerator, denominator, out=ratio, where=denominator > 0)
    return ratio
