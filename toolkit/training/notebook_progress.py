"""The progress of `fit` in a notebook: one display that is updated now and then. Everywhere else, nothing."""

import importlib
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from cnnkit.exporters.core.kept_epoch import FIGURES, read_figures, read_kept_epoch
from cnnkit.files.markup import escape_whole
from cnnkit.notebook_tables import draw_table
from cnnkit.training.position import Position
from cnnkit.training.training import Progress, Training

UPDATE_EVERY = 0.5  # seconds: each update is a message to the browser
_ROWS = 8  # epochs in the table, the last ones


class NotebookProgress:
    """What a notebook shows of a training: a bar, the figures of the last epochs, and which weights are kept."""

    def __init__(self, training: Training) -> None:
        self._training = training
        self.running = True

    def __repr__(self) -> str:
        position, epochs = self._training.position, self._training.options.epochs
        line = f"epoch {min(position.epoch + 1, epochs)} of {epochs}"
        if self.running and position.images:
            accuracy = "" if position.accuracy is None else f", accuracy {position.accuracy:.2%}"
            return f"{line}: loss {position.mean_loss:.4f}{accuracy}, {self._format_speed()}"
        kept = read_kept_epoch(self._training.model.metadata)
        if kept is None:
            return line
        stopped = "" if self.running or self._training.finished else "stopped after "
        return f"{stopped}{kept.text}: {kept.figures_text or 'no epoch is finished'}"

    def _repr_html_(self) -> str:
        """Return the bar, the line of text and the table of epochs."""
        training, position = self._training, self._training.position
        total = training.steps_per_epoch * training.options.epochs
        done = total if training.finished else position.step
        bar = f'<progress value="{done}" max="{total}" style="width:20em;vertical-align:middle"></progress>'
        return f"<div>{bar} {escape_whole(repr(self))}{self._render_table()}</div>"

    def _format_speed(self) -> str:
        position = self._training.position
        return f"{position.images / max(position.seconds, 1e-9):,.0f} images/s"

    def _render_table(self) -> str:
        history, best = self._training.position.history, self._training.position.best
        names = [name for name in FIGURES if any(name in read_figures(entry) for entry in history)]
        if not history:
            return ""
        rows = []
        for entry in history[-_ROWS:]:
            figures = read_figures(entry)
            number = f"{entry['epoch']}{' (kept)' if best is not None and best.epoch == entry['epoch'] else ''}"
            rows.append([number, *(_format(name, figures.get(name)) for name in names)])
        return draw_table(("epoch", *(name.replace("_", " ") for name in names)), rows)


@contextmanager
def notebook_progress(training: Training) -> Iterator[Progress | None]:
    """Yield a function of the position that updates the display of a notebook's cell; None outside notebooks."""
    display = _find_display()
    if display is None:
        yield None
        return
    progress, shown_at = NotebookProgress(training), time.monotonic()
    handle = display(progress, display_id=True)

    def show(position: Position) -> None:  # noqa: ARG001 (what is shown reads the training's)
        nonlocal shown_at
        if time.monotonic() - shown_at >= UPDATE_EVERY:
            handle.update(progress)
            shown_at = time.monotonic()

    try:
        yield show
    finally:
        progress.running = False
        handle.update(progress)


def _find_display() -> Callable[..., Any] | None:
    """Return IPython's function `display` where the program runs in a notebook's kernel."""
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    if getattr(shell, "kernel", None) is None:
        return None
    display: Callable[..., Any] = importlib.import_module("IPython.display").display
    return display


def _format(name: str, value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.2%}" if "accuracy" in name else f"{value:.4f}"
