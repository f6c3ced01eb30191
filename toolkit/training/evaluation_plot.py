"""An evaluation as a figure: the confusion matrix, and a ROC curve of each class against all others."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cnnkit import metrics
from cnnkit.files.names import printable
from cnnkit.training.evaluation import Evaluation
from cnnkit.training.figure_file import BLUE, COLOURS, VERMILION, figure_file

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST_COUNTS = 30  # classes, above which the cells have no room for counts
_MOST_CURVES = 24  # distinguishable by colour and dash
_NAME = 22  # characters of a class name
_DASHES = ("-", "--", ":")


def plot_evaluation(evaluation: Evaluation, path: Path, title: str | None = None) -> None:
    """Draw confusion matrix and ROC curves into `path`, .svg, .png or .pdf, completely or not at all.

    Equal evaluations give equal bytes of SVG, with one version of matplotlib.

    Raises ConfigError as `require_plottable` does, OSError where the folder cannot be written.
    """
    names = [_label(k, name) for k, name in enumerate(evaluation.report.class_names)]
    side = min(max(4.2, 1.6 + 0.42 * len(names)), 16.0)
    curves = min(len(names), _MOST_CURVES)
    name = 0.1 * max(map(len, names))  # inches, beside and below the matrix and in the legend
    width = side + 5.0 + 2 * name + (2.6 if curves > 12 else 0.0)
    with figure_file(path, width, max(side + name, 4.6, 0.24 * curves)) as figure:
        figure.set_layout_engine("constrained", w_pad=0.15, h_pad=0.15)  # less would crop long names at the edges
        matrix, roc = figure.subplots(1, 2, width_ratios=(side, 5.0))
        _draw_matrix(matrix, evaluation.report.confusion_matrix, names)
        _draw_curves(roc, evaluation, names)
        if title:
            figure.suptitle(printable(title, limit=110), parse_math=False)


def _label(number: int, name: str) -> str:
    """Return number and name: the font may lack the name's characters, and long names are shortened."""
    text = printable(name, limit=200)
    short = text if len(text) <= _NAME else f"{text[: _NAME - 1]}…"
    return short if text == str(number) else f"{number} {short}"


def _draw_matrix(axes: "Axes", counts: Sequence[Sequence[int]], names: Sequence[str]) -> None:
    """Draw truth in rows and prediction in columns; a cell is shaded by its share of the row, hits blue."""
    from matplotlib.colors import to_rgb

    table = np.asarray(counts, np.float64)
    totals = table.sum(axis=1, keepdims=True)
    shares = np.sqrt(np.divide(table, totals, out=np.zeros_like(table), where=totals > 0))  # shows a few confusions too
    hits = np.eye(len(names), dtype=bool)[..., None]
    full = np.where(hits, to_rgb(BLUE), to_rgb(VERMILION))
    axes.imshow(1 - shares[..., None] * (1 - full), interpolation="nearest")
    step = -(-len(names) // _MOST_COUNTS)  # of very many classes, some are named
    places, named = range(0, len(names), step), names[::step]
    size = 10 if len(names) <= 12 else 8
    upright = max(map(len, names)) <= 2
    axes.set_xticks(places, named, rotation=0 if upright else 90, fontsize=size, parse_math=False)
    axes.set_yticks(places, named, fontsize=size, parse_math=False)
    axes.set_xlabel("Predicted")
    axes.set_ylabel("True")
    axes.set_title("Confusion matrix", fontsize=11)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    if len(names) > _MOST_COUNTS:
        return
    digits = len(str(int(table.max())))
    for (row, column), count in np.ndenumerate(table.astype(np.int64)):
        if count or row == column:
            ink = "white" if shares[row, column] > 0.6 else "black"
            fitted = min(size, 30 / max(digits, 2))
            axes.text(column, row, str(count), ha="center", va="center", color=ink, fontsize=fitted)


def _draw_curves(axes: "Axes", evaluation: Evaluation, names: Sequence[str]) -> None:
    """Draw a curve for each class, of two classes for the second; of very many for those with the smallest areas."""
    areas = [scores.roc_auc for scores in evaluation.report.classes]
    known = [k for k, area in enumerate(areas) if not math.isnan(area)]
    drawn = [1] if len(names) == 2 and known else sorted(sorted(known, key=lambda k: areas[k])[:_MOST_CURVES])
    axes.plot((0, 1), (0, 1), color="#999999", linewidth=1, zorder=1)
    for place, k in enumerate(drawn):
        wrong, right = metrics.roc_curve(evaluation.labels == k, evaluation.scores[:, k])
        style: dict[str, Any] = {"color": COLOURS[place % len(COLOURS)], "linestyle": _DASHES[place // len(COLOURS)]}
        axes.plot(wrong, right, label=f"{names[k]}: {areas[k]:.4f}", linewidth=1.6, **style)
    for k in sorted(set(range(len(names))).difference(known))[:_MOST_CURVES]:
        images = "every image" if evaluation.report.support[k] else "no image"
        axes.plot([], [], color="none", label=f"{names[k]}: {images}")
    axes.set_xlim(-0.01, 1.01)
    axes.set_ylim(-0.01, 1.01)
    axes.set_aspect("equal", anchor="N")
    axes.grid(color="#dddddd", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.set_xlabel("False positive rate")
    axes.set_ylabel("True positive rate")
    what = "class against all others" if len(names) > 2 else f"positive: {names[-1]}"
    axes.set_title(f"ROC, {what}", fontsize=11, parse_math=False)
    fewer = len(drawn) < len(known) and len(names) > 2
    _add_legend(axes, f"AUC, the {len(drawn)} smallest of {len(known)}" if fewer else "AUC")


def _add_legend(axes: "Axes", heading: str) -> None:
    legend = axes.legend(
        title=heading, loc="upper left", bbox_to_anchor=(1.02, 1.0), frameon=False, fontsize=8, title_fontsize=9,
        alignment="left", handlelength=2.6,
    )  # fmt: skip
    for text in legend.get_texts():
        text.set_parse_math(False)
