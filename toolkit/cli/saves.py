"""When a training is saved to OUT: after so many epochs or seconds, and at its end."""

import time
from dataclasses import dataclass, field
from pathlib import Path

from cnnkit import exporters
from cnnkit.training import Training
from cnnkit.training.checkpoint import to_weights

SAVE_EVERY = 30.0  # seconds between two saves by default


@dataclass
class Saves:
    """The saves of a training in a file.

    every: epochs between two saves; 0 saves only at the end, None about every SAVE_EVERY seconds.
    writes: False for a worker that leaves the file to rank 0, whose clock decides.
    """

    training: Training
    out: Path
    every: int | None = None
    writes: bool = True
    _step: int = field(default=-1, init=False)  # of the last save
    _saved_at: float = field(default_factory=time.perf_counter, init=False)

    def __post_init__(self) -> None:
        import cnnkit.exporters.hdf5.writer  # noqa: F401 (mpiexec leaves no time for it when it stops a training)

    def save(self) -> None:
        """Save the training as it is."""
        if self.writes:
            exporters.write(to_weights(self.training), self.out, "hdf5", overwrite=True)
            self._step, self._saved_at = self.training.position.step, time.perf_counter()

    def save_if_due(self) -> None:
        """Save after an epoch, if it is time."""
        epoch = self.training.position.epoch
        if self.every is None:
            due = time.perf_counter() - self._saved_at >= SAVE_EVERY
        else:
            due = self.every > 0 and epoch % self.every == 0
        if due:
            self.save()

    def save_rest(self) -> None:
        """Save what the last save has not."""
        if self._step != self.training.position.step:
            self.save()
