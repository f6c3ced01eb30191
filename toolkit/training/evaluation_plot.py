"""An evaluation as a figure: the confusion matrix, ROC and precision over recall of each class, and calibration."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cnnkit.files.names import printable
from cnnkit.training.evaluation import Evaluation
from cnnkit.training.evaluation_curves import MOST_CURVES, draw_precision_recall, draw_reliability, draw_roc
from cnnkit.training.figure_file import BLUE, VERMILION, figure_file

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST_COUNTS = 30  # classes, above which the cells have no room for counts
_NAME = 22  # characters of a class name


def plot_evaluation(evaluation: Evaluation, path: Path, title: str | None = None) -> None:
    """Draw confusion matrix, curves and calibration into `path`, .svg, .png or .pdf, completely or not at all.

    Equal evaluations give equal bytes of SVG, with one version of matplotlib.

    Raises ConfigError as `require_plottable` does, OSError where the folder cannot be written.
    """
    names = [_label(k, name) for k, name in enumerate(evaluation.report.class_names)]
    side = min(max(4.2, 1.6 + 0.42 * len(names)), 16.0)
    curves = min(len(names), MOST_CURVES)
    name = 0.13 * max(map(len, names))  # inches, beside and below the matrix and in the legends
    legend = 1.4 + name + (1.3 if curves > 12 else 0.0)
    heights = max(side + name, 4.6, 0.24 * curves), max(4.6, 0.24 * curves)
    widths = max(side + name, 4.6 + legend), 4.6 + legend
    with figure_file(path, sum(widths) + 1.0, sum(heights)) as figure:
        figure.set_layout_engine("constrained", w_pad=0.15, h_pad=0.15)  # less would crop long names at the edges
        (matrix, roc), (precision, reliability) = figure.subplots(2, 2, width_ratios=widths, height_ratios=heights)
        _draw_matrix(matrix, evaluation.report.confusion_matrix, names)
        draw_roc(roc, evaluation, names)
        draw_precision_recall(precision, evaluation, names)
        draw_reliability(reliability, evaluation)
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
