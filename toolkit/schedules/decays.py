"""Factors that fall from epoch to epoch, or from step to step along a power."""

import math
from dataclasses import dataclass

from cnnkit.files.names import describe_value
from cnnkit.schedules.base import Schedule, require
from cnnkit.values import is_count


@dataclass(frozen=True)
class ConstantRate(Schedule):
    """1 at every step."""

    def factor(self, step: int, total_steps: int, steps_per_epoch: int) -> float:
        return 1.0


@dataclass(frozen=True)
class Step(Schedule):
    """gamma^floor(epoch / epochs), the epoch counted from 0: a drop every `epochs` epochs (torch's StepLR)."""

    epochs: int = 10
    gamma: float = 0.1

    def __post_init__(self) -> None:
        require(is_count(self.epochs, 1), f"step: expected epochs of 1 to 2**63 - 1, got {describe_value(self.epochs)}")
        require(0 < self.gamma < math.inf, f"step: expected a finite gamma above 0, got {self.gamma}")

    def factor(self, step: int, total_steps: int, steps_per_epoch: int) -> float:
        try:
            return float(self.gamma ** (step // steps_per_epoch // self.epochs))
        except OverflowError:
            return math.inf


@dataclass(frozen=True)
class InverseTime(Schedule):
    """1 / (1 + decay * epoch), the epoch counted from 0."""

    decay: float

    def __post_init__(self) -> None:
        require(0 <= self.decay < math.inf, f"inverse: expected a finite decay of 0 or more, got {self.decay}")

    def factor(self, step: int, total_steps: int, steps_per_epoch: int) -> float:
        return 1 / (1 + self.decay * (step // steps_per_epoch))


@dataclass(frozen=True)
class Exponential(Schedule):
    """gamma^epoch, the epoch counted from 0 (torch's ExponentialLR)."""

    gamma: float

    def __post_init__(self) -> None:
        require(0 < self.gamma <= 1, f"exponential: expected a gamma above 0, at most 1, got {self.gamma}")

    def factor(self, step: int, total_steps: int, steps_per_epoch: int) -> float:
        return float(self.gamma ** (step // steps_per_epoch))


@dataclass(frozen=True)
class Polynomial(Schedule):
    """floor + (1 - floor) * (1 - step / total_steps)^power (torch's PolynomialLR, whose floor is 0)."""

    power: float = 1.0
    floor: float = 0.0

    def __post_init__(self) -> None:
        require(0 < self.power < math.inf, f"polynomial: expected a finite power above 0, got {self.power}")
        require(0 <= self.floor <= 1, f"polynomial: expected a floor from 0 to 1, got {self.floor}")

    def factor(self, step: int, total_steps: int, steps_per_epoch: int) -> float:
        return self.floor + (1 - self.floor) * float(max(1 - step / total_steps, 0.0) ** self.power)
