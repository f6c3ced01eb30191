"""The picture of `train --plot`: redrawn now and then while the training runs, and once at its end."""

import time
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from cnnkit.training import Training

REDRAW_EVERY = 2.0  # seconds between two drawings: one takes longer than an epoch of a small net


@dataclass
class Curves:
    """The curves of a training in a file; leaving its block draws them whole, after a stop or a failure too.

    target: an .svg or .png file.
    """

    training: Training
    target: Path
    _drawn: int = field(default=0, init=False)  # epochs in the picture
    _drawn_at: float = field(default_factory=time.perf_counter, init=False)

    def update(self) -> None:
        """Draw the epochs so far, unless the last drawing is too recent."""
        if time.perf_counter() - self._drawn_at >= REDRAW_EVERY:
            self._draw()

    def _draw(self) -> None:
        from cnnkit.training.plot import plot_history

        history = self.training.position.history
        if len(history) > self._drawn:
            plot_history(history, self.target, self.training.model.metadata["recipe"])
            self._drawn = len(history)
        self._drawn_at = time.perf_counter()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._draw()
