"""A rate that rises at the start of a training, before another schedule takes over."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from cnnkit.files.names import describe_value
from cnnkit.schedules.base import Schedule, require
from cnnkit.schedules.decays import ConstantRate
from cnnkit.schedules.registry import parse
from cnnkit.values import LARGEST_COUNT, is_count

_AFTERWARDS = ConstantRate()


@dataclass(frozen=True)
class LinearWarmUp(Schedule):
    """start + (1 - start) * step / length during the first `length` steps, afterwards `then` over the rest.

    length: `steps`, or `epochs` (a fraction will do) times the steps of an epoch; one epoch where neither is given.
    start: the share at step 0 (torch's LinearLR with start_factor=start). then: another schedule, or its text with "/"
    between its fields: `warmup:epochs=2,then=step:epochs=10/gamma=0.5`; it counts the steps after the warm-up from 0,
    and the validation losses of the epochs that begin after it.
    """

    epochs: float | None = None
    steps: int | None = None
    start: float = 0.01
    then: str | Schedule = _AFTERWARDS

    def __post_init__(self) -> None:
        if isinstance(self.then, str):
            object.__setattr__(self, "then", parse(self.then.replace("/", ",")))
        require(self.epochs is None or self.steps is None, "warmup: expected epochs or steps, got both: leave one out")
        require(
            self.epochs is None or 0 < self.epochs < math.inf, f"warmup: expected epochs above 0, got {self.epochs}"
        )
        require(
            self.steps is None or is_count(self.steps, 1),
            f"warmup: expected steps of 1 to 2**63 - 1, got {describe_value(self.steps)}",
        )
        require(0 <= self.start <= 1, f"warmup: expected start from 0 to 1, got {self.start}")
        require(
            not isinstance(parse(self.then), LinearWarmUp),
            f"warmup: expected another schedule in then, got {describe_value(self.then)}",
        )

    @property
    def reacts(self) -> bool:
        return parse(self.then).reacts

    def factor(self, step: int, total_steps: int, steps_per_epoch: int) -> float:
        return self.factor_after((), step, total_steps, steps_per_epoch)

    def factor_after(self, losses: Sequence[float], step: int, total_steps: int, steps_per_epoch: int) -> float:
        length = self._length(steps_per_epoch)
        if step < length:
            return self.start + (1 - self.start) * step / length
        counted = losses[math.ceil(length / steps_per_epoch) :]
        return parse(self.then).factor_after(counted, step - length, max(total_steps - length, 1), steps_per_epoch)

    def _length(self, steps_per_epoch: int) -> int:
        if self.steps is not None:
            return self.steps
        length = (1.0 if self.epochs is None else self.epochs) * steps_per_epoch
        return max(round(min(length, float(LARGEST_COUNT))), 1)
