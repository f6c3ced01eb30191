"""What the learning rate is multiplied by at each step. A schedule has no memory: a resume needs only the step."""
# ruff: noqa: ARG002, D102 (one signature for all, described once in the base class; not every argument is used)

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass

from cnnkit.errors import ConfigError
from cnnkit.files.names import describe_value
from cnnkit.plugins import Registry
from cnnkit.purity import Part
from cnnkit.values import LARGEST_COUNT, is_count


class Schedule(Part, ABC):
    """A factor that follows the training."""

    @abstractmethod
    def factor(self, step: int, total_steps: int, steps_per_epoch: int) -> float:
        """Return what multiplies the base learning rate at `step`.

        step: 0 at the first update. total_steps: updates of the whole training, 1 or more; a step past the last
        one counts as the end. steps_per_epoch: 1 or more.
        """


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
        _require(
            is_count(self.epochs, 1), f"step: expected epochs of 1 to 2**63 - 1, got {describe_value(self.epochs)}"
        )
        _require(0 < self.gamma < math.inf, f"step: expected a finite gamma above 0, got {self.gamma}")

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
        _require(0 <= self.decay < math.inf, f"inverse: expected a finite decay of 0 or more, got {self.decay}")

    def factor(self, step: int, total_steps: int, steps_per_epoch: int) -> float:
        return 1 / (1 + self.decay * (step // steps_per_epoch))


@dataclass(frozen=True)
class Cosine(Schedule):
    """floor + (1 - floor) * (1 + cos(pi * step / total_steps)) / 2: Loshchilov and Hutter 2017, equation 5.

    One descent over the whole training, no restart; torch's CosineAnnealingLR with T_max = total_steps.
    """

    floor: float = 0.0

    def __post_init__(self) -> None:
        _require(0 <= self.floor <= 1, f"cosine: expected a floor from 0 to 1, got {self.floor}")

    def factor(self, step: int, total_steps: int, steps_per_epoch: int) -> float:
        return _anneal(1.0, self.floor, step / total_steps)


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
        _require(0 <= self.warm_up <= 1, f"onecycle: expected warm_up from 0 to 1, got {self.warm_up}")
        _require(0 <= self.start <= 1, f"onecycle: expected start from 0 to 1, got {self.start}")
        _require(0 <= self.end <= 1, f"onecycle: expected end from 0 to 1, got {self.end}")

    def factor(self, step: int, total_steps: int, steps_per_epoch: int) -> float:
        last = total_steps - 1
        peak = max(self.warm_up * total_steps - 1, 0.0)  # need not be a whole step
        if step < peak:
            return _anneal(self.start, 1.0, step / peak)
        return _anneal(1.0, self.end, (step - peak) / (last - peak) if last > peak else float(step > last))


@dataclass(frozen=True)
class LinearWarmUp(Schedule):
    """start + (1 - start) * step / length during the first `length` steps, afterwards `then` over the rest.

    length: `steps`, or `epochs` (a fraction will do) times the steps of an epoch; one epoch where neither is given.
    start: the share at step 0 (torch's LinearLR with start_factor=start). then: another schedule, or its text with "/"
    between its fields: `warmup:epochs=2,then=step:epochs=10/gamma=0.5`; it counts the steps after the warm-up from 0.
    """

    epochs: float | None = None
    steps: int | None = None
    start: float = 0.01
    then: str | Schedule = ConstantRate()

    def __post_init__(self) -> None:
        if isinstance(self.then, str):
            object.__setattr__(self, "then", parse(self.then.replace("/", ",")))
        _require(self.epochs is None or self.steps is None, "warmup: expected epochs or steps, got both: leave one out")
        _require(
            self.epochs is None or 0 < self.epochs < math.inf, f"warmup: expected epochs above 0, got {self.epochs}"
        )
        _require(
            self.steps is None or is_count(self.steps, 1),
            f"warmup: expected steps of 1 to 2**63 - 1, got {describe_value(self.steps)}",
        )
        _require(0 <= self.start <= 1, f"warmup: expected start from 0 to 1, got {self.start}")
        _require(
            not isinstance(parse(self.then), LinearWarmUp),
            f"warmup: expected another schedule in then, got {describe_value(self.then)}",
        )

    def factor(self, step: int, total_steps: int, steps_per_epoch: int) -> float:
        length = self._length(steps_per_epoch)
        if step < length:
            return self.start + (1 - self.start) * step / length
        return parse(self.then).factor(step - length, max(total_steps - length, 1), steps_per_epoch)

    def _length(self, steps_per_epoch: int) -> int:
        if self.steps is not None:
            return self.steps
        length = (1.0 if self.epochs is None else self.epochs) * steps_per_epoch
        return max(round(min(length, float(LARGEST_COUNT))), 1)


SCHEDULES: Registry[Schedule] = Registry(
    "schedule",
    "cnnkit.schedules",
    Schedule,
    {
        "steplr": "step",
        "cosineannealing": "cosine",
        "cosineannealinglr": "cosine",
        "onecyclelr": "onecycle",
        "none": "constant",
        "inversetime": "inverse",
        "linearwarmup": "warmup",
    },
)
parse, render, register = SCHEDULES.parse, SCHEDULES.render, SCHEDULES.register


def _anneal(start: float, end: float, share: float) -> float:
    """Return the half cosine from `start` at share 0 to `end` at share 1 and after."""
    return end + (start - end) * (1 + math.cos(math.pi * min(share, 1.0))) / 2


def _require(fits: bool, message: str) -> None:
    if not fits:
        raise ConfigError(message)
