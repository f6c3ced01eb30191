"""Curves of a training: loss and accuracy over the epochs, as SVG or PNG."""

import importlib.util
import math
import warnings
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnnkit.errors import ConfigError
from cnnkit.files.atomic import atomic_path
from cnnkit.files.names import printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FORMATS = {".svg": "svg", ".png": "png"}

# Colours of Okabe and Ito 2008, distinguishable for every kind of colour vision; marker and dash differ as well.
_TRAINING: dict[str, Any] = {"color": "#0072B2", "marker": "o", "linestyle": "-"}
_VALIDATION: dict[str, Any] = {"color": "#D55E00", "marker": "s", "linestyle": "--"}
_STYLE: dict[Any, Any] = {
    "svg.hashsalt": "cnnkit",  # without it the ids in the file are random
    "svg.fonttype": "path",
    "font.family": "DejaVu Sans",  # ships with matplotlib: the fonts of the machine do not matter
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#666666",
    "figure.constrained_layout.wspace": 0.06,
}


def require_plottable(path: Path) -> str:
    """Return the format of the suffix of `path`; called before a training that takes hours.

    Raises ConfigError on another suffix than .svg and .png, or where matplotlib is not installed.
    """
    kind = FORMATS.get(path.suffix.lower())
    if kind is None:
        raise ConfigError(f"plot: expected a file that ends in .svg or .png, got {path.name!r}")
    if importlib.util.find_spec("matplotlib") is None:
        raise ConfigError("plot: needs matplotlib, which is not installed: type pip install 'cnnkit[plot]'")
    return kind


def plot_history(history: Sequence[Mapping[str, Any]], path: Path, title: str | None = None) -> None:
    """Draw training and validation loss and accuracy over the epochs into `path`, completely or not at all.

    history: entries with epoch, loss, accuracy, validation_loss, validation_accuracy (all but epoch may be None).
    Equal histories give equal bytes of SVG, with one version of matplotlib.

    Raises ConfigError as `require_plottable` does and on an empty history, OSError where the folder cannot be written.
    """
    kind = require_plottable(path)
    if not history:
        raise ConfigError("plot: expected at least one epoch, got none: train first")
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import PercentFormatter

    with rc_context(_STYLE):
        figure = Figure(figsize=(9.0, 3.8), layout="constrained")
        FigureCanvasAgg(figure)  # no window, no global state
        loss, accuracy = figure.subplots(1, 2)
        _panel(loss, history, "loss", "Loss")
        _panel(accuracy, history, "accuracy", "Accuracy")
        accuracy.yaxis.set_major_formatter(PercentFormatter(1.0))
        if title:
            figure.suptitle(printable(title, limit=90), parse_math=False)
        with warnings.catch_warnings(), atomic_path(path) as temporary:
            warnings.filterwarnings("ignore", message="Glyph")  # characters that the font lacks are drawn as boxes
            figure.savefig(temporary, format=kind, dpi=150, metadata={"Date": None} if kind == "svg" else None)


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
    for label, column, style in (("training", key, _TRAINING), ("validation", f"validation_{key}", _VALIDATION)):
        values = _numbers(entry.get(column) for entry in history)
        if any(map(math.isfinite, values)):
            axes.plot(epochs, values, label=label, markersize=size, linewidth=1.8, **style)
    if axes.lines:
        axes.legend(
            loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=2, frameon=False, handlelength=3.0, borderaxespad=0.2
        )
    else:
        axes.text(0.5, 0.5, "no values", transform=axes.transAxes, ha="center", color="#666666")


def _numbers(values: Iterable[Any]) -> list[float]:
    return [math.nan if value is None else float(value) for value in values]
