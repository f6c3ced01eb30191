"""Factors along half cosines."""

import math
from dataclasses import dataclass

from cnnkit.files.names import describe_value
from cnnkit.schedules.base import Schedule, require
from cnnkit.values import is_count


@dataclass(frozen=True)
class Cosine(Schedule):
    """floor + (1 - floor) * (1 + cos(pi * step / total_steps)) / 2: Loshchilov and Hutter 2017, equation 5.

    One descent over the whole training, no restart; torch's CosineAnnealingLR with T_max = total_steps.
    """

    floor: float = 0.0

    def __post_init__(self) -> None:
        require(0 <= self.floor <= 1, f"cosine: expected a floor from 0 to 1, got {self.floor}")

    def factor(self, step: int, total_steps: int, steps_per_epoch: int) -> float:
        return anneal(1.0, self.floor, step / total_steps)


@dataclass(frozen=True)
class WarmRestarts(Schedule):
    """floor + (1 - floor) * (1 + cos(pi * share)) / 2, share of the way through a cycle, from 1 again after each.

    The first cycle has this many epochs, each further one `growth` times as many as the one before it. Loshchilov and
    Hutter 2017, equation 5; torch's CosineAnnealingWarmRestarts with T_0 = epochs, T_mult = growth, step by step.
    """

    epochs: int = 10
    growth: int = 1
    floor: float = 0.0

    def __post_init__(self) -> None:
        for name in ("epochs", "growth"):
            value = getattr(self, name)
            require(is_count(value, 1), f"restarts: expected {name} of 1 to 2**63 - 1, got {describe_value(value)}")
        require(0 <= self.floor <= 1, f"restarts: expected a floor from 0 to 1, got {self.floor}")

    def factor(self, step: int, total_steps: int, steps_per_epoch: int) -> float:
        length = self.epochs * steps_per_epoch
        if self.growth == 1:
            step %= length
        while step >= length:
            step, length = step - length, length * self.growth
        return anneal(1.0, self.floor, step / length)


@dataclass(frozen=True)
class OneCycle(Schedule):
    """start -> 1 -> end along two half cosines: Smith and Topin 2018, in the two phases of torch's OneCycleLR.

    warm_up: the share of the steps in the first phase. start, end: shares of the base learning rate, which is the
    peak (in torch's terms div_factor = 1/start, final_div_factor = start/end).
    """

    warm_up: float = 0.3
    start: float = 1 / 25
    end: float = 1e-4

    def __post_init__(self) -> None:
        require(0 <= self.warm_up <= 1, f"onecycle: expected warm_up from 0 to 1, got {self.warm_up}")
        require(0 <= self.start <= 1, f"onecycle: expected start from 0 to 1, got {self.start}")
        require(0 <= self.end <= 1, f"onecycle: expected end from 0 to 1, got {self.end}")

    def factor(self, step: int, total_steps: int, steps_per_epoch: int) -> float:
        last = total_steps - 1
        peak = max(self.warm_up * total_steps - 1, 0.0)  # need not be a whole step
        if step < peak:
            return anneal(self.start, 1.0, step / peak)
        return anneal(1.0, self.end, (step - peak) / (last - peak) if last > peak else float(step > last))


def anneal(start: float, end: float, share: float) -> float:
    """Return the half cosine from `start` at share 0 to `end` at share 1 and after."""
    return end + (start - end) * (1 + math.cos(math.pi * min(share, 1.0))) / 2
