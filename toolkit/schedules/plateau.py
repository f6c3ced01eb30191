"""A factor that falls when the validation loss no longer does."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from cnnkit.files.names import describe_value
from cnnkit.schedules.base import Schedule, require
from cnnkit.values import is_count


@dataclass(frozen=True)
class Plateau(Schedule):
    """1, times gamma after each `patience` + 1 epochs on end without a smaller validation loss; never below floor.

    A loss is smaller where it is below (1 - threshold) times the smallest so far. After a drop, `cooldown` epochs are
    not counted. torch's ReduceLROnPlateau with factor = gamma, min_lr = floor times the base rate, eps = 0.
    """

    gamma: float = 0.1
    patience: int = 10
    threshold: float = 1e-4
    cooldown: int = 0
    floor: float = 0.0

    def __post_init__(self) -> None:
        require(0 < self.gamma < 1, f"plateau: expected gamma between 0 and 1, got {self.gamma}")
        for name in ("patience", "cooldown"):
            value = getattr(self, name)
            require(is_count(value), f"plateau: expected {name} of 0 to 2**63 - 1, got {describe_value(value)}")
        require(0 <= self.threshold < 1, f"plateau: expected threshold in [0, 1), got {self.threshold}")
        require(0 <= self.floor <= 1, f"plateau: expected a floor from 0 to 1, got {self.floor}")

    @property
    def reacts(self) -> bool:
        return True

    def factor(self, step: int, total_steps: int, steps_per_epoch: int) -> float:
        return self.factor_after((), step, total_steps, steps_per_epoch)

    def factor_after(self, losses: Sequence[float], step: int, total_steps: int, steps_per_epoch: int) -> float:
        factor, smallest, waited, resting = 1.0, math.inf, 0, 0
        for loss in losses:
            waited += 1
            if loss < smallest * (1 - self.threshold):
                smallest, waited = loss, 0
            if resting:
                resting, waited = resting - 1, 0
            if waited > self.patience:
                factor, waited, resting = max(factor * self.gamma, self.floor), 0, self.cooldown
        return factor
