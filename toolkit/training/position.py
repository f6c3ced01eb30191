"""Where a training is: with the arrays, enough to continue as if it had never stopped."""

from dataclasses import dataclass, field, replace
from typing import Any

from cnnkit.training.loss_scale import LossScale
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
    loss_sum      sum of the losses of the current epoch's batches, each times its share; correct, images, seconds
                  likewise
    decisions     what `correct` is a part of: the samples, or the places of maps; 0 where nothing is decided
    share         what `loss_sum` is divided by for a mean: the samples, by their weights
    loss_scale    of the next step, None where the loss is not scaled
    waited        epochs since the validation loss was smallest
    """

    epoch: int = 0
    batch: int = 0
    step: int = 0
    loss_sum: float = 0.0
    correct: int = 0
    images: int = 0
    seconds: float = 0.0
    decisions: int = 0
    share: float = 0.0
    waited: int = 0
    best: Best | None = None
    loss_scale: LossScale | None = None
    history: tuple[dict[str, Any], ...] = ()

    @property
    def validation_losses(self) -> tuple[float, ...]:
        """The validation loss of each finished epoch; none where the training keeps no images out."""
        losses = (entry.get("validation_loss") for entry in self.history)
        return tuple(loss for loss in losses if loss is not None)

    def after(
        self, batches: int, loss_sum: float, correct: int, images: int, decisions: int = 0, share: float = 0.0
    ) -> "Position":
        """Return the position `batches` later; loss_sum and share are the epoch's so far, the others are added."""
        return replace(
            self,
            batch=self.batch + batches,
            step=self.step + batches,
            loss_sum=loss_sum,
            share=share,
            correct=self.correct + correct,
            decisions=self.decisions + decisions,
            images=self.images + images,
        )

    @property
    def mean_loss(self) -> float:
        """The mean loss of the current epoch so far."""
        return self.loss_sum / (self.share or 1.0)

    @property
    def accuracy(self) -> float | None:
        """The share of right decisions in the current epoch so far; None where nothing is decided."""
        return self.correct / self.decisions if self.decisions else None

    def next_epoch(self, entry: dict[str, Any], best: Best | None, improved: bool) -> "Position":
        """Return the position at the start of the next epoch."""
        return Position(
            epoch=self.epoch + 1,
            step=self.step,
            waited=0 if improved else self.waited + 1,
            best=best,
            loss_scale=self.loss_scale,
            history=(*self.history, entry),
        )
