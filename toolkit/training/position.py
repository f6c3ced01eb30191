"""Where a training is: with the arrays, enough to continue as if it had never stopped."""

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
    """Counts of finished work. Random draws depend on (seed, purpose, epoch) alone, so no generator's state is kept.

    epoch, batch  finished epochs, and finished batches of the current one; step: finished updates in total
    loss_sum      sum of the samples' losses in the current epoch; correct, images, seconds likewise
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

    @property
    def validation_losses(self) -> tuple[float, ...]:
        """The validation loss of each finished epoch; none where the training keeps no images out."""
        losses = (entry.get("validation_loss") for entry in self.history)
        return tuple(loss for loss in losses if loss is not None)

    def after(self, batches: int, loss_sum: float, correct: int, images: int) -> "Position":
        """Return the position `batches` later; loss_sum is the epoch's so far, correct and images are added."""
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
