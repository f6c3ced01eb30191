"""What a schedule is: what the learning rate is multiplied by at each step.

A schedule has no memory: a resume needs only the step, and the validation losses of the epochs before it.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence

from cnnkit.errors import ConfigError
from cnnkit.purity import Part


class Schedule(Part, ABC):
    """A factor that follows the training."""

    @abstractmethod
    def factor(self, step: int, total_steps: int, steps_per_epoch: int) -> float:
        """Return what multiplies the base learning rate at `step`.

        step: 0 at the first update. total_steps: updates of the whole training, 1 or more; a step past the last
        one counts as the end. steps_per_epoch: 1 or more.
        """

    @property
    def reacts(self) -> bool:
        """Whether the factor depends on validation losses, so that a training needs images to validate on."""
        return False

    def factor_after(self, losses: Sequence[float], step: int, total_steps: int, steps_per_epoch: int) -> float:
        """Return the factor at `step`, in an epoch before which the epochs ended with these validation losses."""
        return self.factor(step, total_steps, steps_per_epoch)


def require(fits: bool, message: str) -> None:
    """Raise ConfigError with this message unless a setting fits."""
    if not fits:
        raise ConfigError(message)
