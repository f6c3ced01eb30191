"""Where a training stands: enough, with the arrays, to go on as if it had never stopped."""

from dataclasses import dataclass, field, replace
from typing import Any

from cnnkit.tree import Tree


@dataclass(frozen=True)
class Best:
    """The weights with the smallest validation loss so far, on the host."""

    epoch: int
    loss: float
    params: Tree = field(repr=False)
    state: Tree = field(repr=False)


@dataclass(frozen=True)
class Position:
    """Counts of what is done. Draws are addressed by (seed, purpose, epoch), so no generator has a state to keep.

    epoch, batch  finished epochs, and finished batches of the one at hand; step: finished updates in all
    loss_sum      sum of the samples' losses of the epoch at hand; correct, images, seconds likewise
    waited        epochs since the validation loss was smallest
    """

    epoch: int = 0
    batch: int = 0
    step: int = 0
    loss_sum: float = 0.0
    correct: int = 0
    images: int = 0
    seconds: float = 0.0
    waited: int = 0
    best: Best | None = None
    history: tuple[dict[str, Any], ...] = ()

    def after(self, batches: int, loss_sum: float, correct: int, images: int) -> "Position":
        """Return the position that many batches later; loss_sum is the epoch's so far, the other counts are new."""
        return replace(
            self,
            batch=self.batch + batches,
            step=self.step + batches,
            loss_sum=loss_sum,
            correct=self.correct + correct,
            images=self.images + images,
        )

    def next_epoch(self, entry: dict[str, Any], best: Best | None, improved: bool) -> "Position":
        """Return the position at the start of the next epoch."""
        return Position(
            epoch=self.epoch + 1,
            step=self.step,
            waited=0 if improved else self.waited + 1,
            best=best,
            history=(*self.history, entry),
        )
