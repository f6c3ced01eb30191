"""Curves of a training: loss and accuracy over the epochs."""

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnnkit.errors import ConfigError
from cnnkit.files.names import printable
from cnnkit.training.figure_file import BLUE, GREEN, VERMILION, figure_file

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_TRAINING: dict[str, Any] = {"color": BLUE, "marker": "o", "linestyle": "-"}
_TEST: dict[str, Any] = {"color": GREEN, "marker": "^", "linestyle": ":"}
_VALIDATION: dict[str, Any] = {"color": VERMILION, "marker": "s", "linestyle": "--"}


def plot_history(history: Sequence[Mapping[str, Any]], path: Path, title: str | None = None) -> None:
    """Draw training and validation (and test) loss and accuracy over the epochs into `path`, completely or not at all.

    history: entries with epoch, loss, accuracy, validation_loss, validation_accuracy (all but epoch may be None),
    and test_loss and test_accuracy where the test was watched.
    Equal histories give equal bytes of SVG, with one version of matplotlib.

    Raises ConfigError on an empty history, and what `require_plottable` raises.
    """
    if not history:
        raise ConfigError("plot: expected at least one epoch, got none: train first")
    with figure_file(path, 9.0, 3.8) as figure:
        from matplotlib.ticker import PercentFormatter

        loss, accuracy = figure.subplots(1, 2)
        _panel(loss, history, "loss", "Loss")
        _panel(accuracy, history, "accuracy", "Accuracy")
        accuracy.yaxis.set_major_formatter(PercentFormatter(1.0))
        if title:
            figure.suptitle(printable(title, limit=90), parse_math=False)


def _panel(axes: "Axes", history: Sequence[Mapping[str, Any]], key: str, name: str) -> None:
    from matplotlib.ticker import MaxNLocator

    epochs = [int(entry["epoch"]) for entry in history]
    axes.set_xlabel("Epoch")
    axes.set_ylabel(name)
    axes.grid(color="#dddddd", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=10, integer=True, min_n_ticks=1))
    axes.set_xlim(epochs[0] - 0.5, epochs[-1] + 0.5)
    size = 5.0 if len(epochs) <= 40 else 0.0  # with more points, markers would hide the line
    curves = (
        ("training", key, _TRAINING),
        ("validation", f"validation_{key}", _VALIDATION),
        ("test", f"test_{key}", _TEST),
    )
    for label, column, style in curves:
        values = _numbers(entry.get(column) for entry in history)
        if any(map(math.isfinite, values)):
            axes.plot(epochs, values, label=label, markersize=size, linewidth=1.8, **style)
    if axes.lines:
        axes.legend(
            loc="lower left",
            bbox_to_anchor=(0.0, 1.0),
            ncols=len(axes.lines),
            frameon=False,
            handlelength=3.0,
            borderaxespad=0.2,
        )
    else:
        axes.text(0.5, 0.5, "no values", transform=axes.transAxes, ha="center", color="#666666")


def _numbers(values: Iterable[Any]) -> list[float]:
    return [math.nan if value is None else float(value) for value in values]
