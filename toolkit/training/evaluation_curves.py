"""The curves of an evaluation: ROC and precision over recall of each class, and the reliability diagram."""

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from cnnkit import metrics
from cnnkit.training.evaluation import Evaluation
from cnnkit.training.figure_file import BLUE, COLOURS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_CURVES = 24  # distinguishable by colour and dash
_DASHES = ("-", "--", ":")
_GREY = "#999999"


def draw_roc(axes: "Axes", evaluation: Evaluation, names: Sequence[str]) -> None:
    """Draw a ROC curve for each class against all others."""
    areas = [scores.roc_auc for scores in evaluation.report.classes]
    axes.plot((0, 1), (0, 1), color=_GREY, linewidth=1, zorder=1)
    _draw_classes(axes, evaluation, names, areas, metrics.roc_curve, "AUC")
    axes.set_xlabel("False positive rate")
    axes.set_ylabel("True positive rate")
    _set_title(axes, "ROC", names)


def draw_precision_recall(axes: "Axes", evaluation: Evaluation, names: Sequence[str]) -> None:
    """Draw precision over recall for each class against all others."""
    classes = range(len(names))
    areas = [metrics.average_precision(evaluation.labels == k, evaluation.scores[:, k]) for k in classes]
    areas = [
        math.nan if support == len(evaluation.labels) else area
        for area, support in zip(areas, evaluation.report.support, strict=True)
    ]
    _draw_classes(axes, evaluation, names, areas, metrics.precision_recall_curve, "Average precision")
    axes.set_xlabel("Recall")
    axes.set_ylabel("Precision")
    _set_title(axes, "Precision and recall", names)


def draw_reliability(axes: "Axes", evaluation: Evaluation) -> None:
    """Draw accuracy over confidence, a bar for each bin with predictions, and the diagonal of a calibrated network."""
    found = evaluation.calibration
    axes.plot((0, 1), (0, 1), color=_GREY, linewidth=1, zorder=3)
    _prepare(axes)
    axes.set_xlabel("Confidence")
    axes.set_ylabel("Accuracy")
    if found is None:
        axes.set_title("Calibration: the scores are no shares", fontsize=11)
        return
    bins = [part for part in found.bins if part.count]
    starts, widths = [part.low for part in bins], [part.high - part.low for part in bins]
    axes.bar(starts, [part.accuracy for part in bins], widths, align="edge", color=BLUE, edgecolor="white", alpha=0.75)
    axes.plot([part.confidence for part in bins], [part.accuracy for part in bins], "o", color="black", markersize=3)
    axes.set_title(f"Calibration, expected error {found.expected_error:.4f}", fontsize=11)


def _set_title(axes: "Axes", what: str, names: Sequence[str]) -> None:
    how = "class against all others" if len(names) > 2 else f"positive: {names[-1]}"
    axes.set_title(f"{what}, {how}", fontsize=11, parse_math=False)


def _draw_classes(
    axes: "Axes", evaluation: Evaluation, names: Sequence[str], areas: Sequence[float], curve: Callable[..., Any],
    what: str,
) -> None:  # fmt: skip
    """Draw a curve for each class, of two classes for the second; of very many for those with the smallest areas."""
    known = [k for k, area in enumerate(areas) if not math.isnan(area)]
    drawn = [1] if len(names) == 2 and known else sorted(sorted(known, key=lambda k: areas[k])[:MOST_CURVES])
    for place, k in enumerate(drawn):
        x, y = curve(evaluation.labels == k, evaluation.scores[:, k])
        style: dict[str, Any] = {"color": COLOURS[place % len(COLOURS)], "linestyle": _DASHES[place // len(COLOURS)]}
        axes.plot(x, y, label=f"{names[k]}: {areas[k]:.4f}", linewidth=1.6, **style)
    for k in sorted(set(range(len(names))).difference(known))[:MOST_CURVES]:
        images = "every image" if evaluation.report.support[k] else "no image"
        axes.plot([], [], color="none", label=f"{names[k]}: {images}")
    _prepare(axes)
    fewer = len(drawn) < len(known) and len(names) > 2
    _add_legend(axes, f"{what}, the {len(drawn)} smallest of {len(known)}" if fewer else what)


def _prepare(axes: "Axes") -> None:
    axes.set_xlim(-0.01, 1.01)
    axes.set_ylim(-0.01, 1.01)
    axes.set_aspect("equal", anchor="N")
    axes.grid(color="#dddddd", linewidth=0.8)
    axes.set_axisbelow(True)


def _add_legend(axes: "Axes", heading: str) -> None:
    legend = axes.legend(
        title=heading, loc="upper left", bbox_to_anchor=(1.02, 1.0), frameon=False, fontsize=8, title_fontsize=9,
        alignment="left", handlelength=2.6,
    )  # fmt: skip
    for text in legend.get_texts():
        text.set_parse_math(False)
