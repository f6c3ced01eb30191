"""L1 and Huber: errors that are robust to outliers."""

import math
from dataclasses import dataclass

from cnnkit.backends.protocol import Array, Backend
from cnnkit.errors import ConfigError
from cnnkit.losses.base import Loss, as_targets


@dataclass(frozen=True)
class L1(Loss):
    """loss = mean over samples and outputs of |output - target|; the gradient at 0 is 0."""

    def value_and_gradient(self, backend: Backend, outputs: Array, targets: Array) -> tuple[Array, Array]:
        difference = outputs - as_targets(self, backend, outputs, targets)
        sign = backend.where(difference > 0, difference * 0 + 1, 0.0) - backend.where(
            difference < 0, difference * 0 + 1, 0.0
        )
        return backend.mean(backend.maximum(difference, -difference)), sign / (math.prod(outputs.shape))


@dataclass(frozen=True)
class Huber(Loss):
    """loss = mean over samples and outputs of e**2/2 where |e| <= delta, else delta*(|e| - delta/2).

    e = output - target. Huber 1964.
    """

    delta: float = 1.0

    def __post_init__(self) -> None:
        if not self.delta > 0:
            raise ConfigError(f"huber: expected delta > 0, got {self.delta}")

    def value_and_gradient(self, backend: Backend, outputs: Array, targets: Array) -> tuple[Array, Array]:
        difference = outputs - as_targets(self, backend, outputs, targets)
        size = backend.maximum(difference, -difference)
        small = size <= self.delta
        terms = backend.where(small, difference * difference * 0.5, (size - self.delta / 2) * self.delta)
        limited = backend.maximum(-backend.maximum(-difference, -self.delta), -self.delta)
        return backend.mean(terms), limited / (math.prod(outputs.shape))
