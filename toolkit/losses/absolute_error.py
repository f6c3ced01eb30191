"""L1 and Huber: errors that are robust to outliers."""

from dataclasses import dataclass

from cnnkit.backends.protocol import Array, Backend
from cnnkit.errors import ConfigError
from cnnkit.losses.mean import MeanLoss


@dataclass(frozen=True)
class L1(MeanLoss):
    """loss = mean over samples and outputs of |output - target|; the gradient at 0 is 0."""

    def terms(self, backend: Backend, outputs: Array, wanted: Array) -> tuple[Array, Array]:
        difference = outputs - wanted
        ones = difference * 0 + 1
        sign = backend.where(difference > 0, ones, 0.0) - backend.where(difference < 0, ones, 0.0)
        return backend.maximum(difference, -difference), sign


@dataclass(frozen=True)
class Huber(MeanLoss):
    """loss = mean over samples and outputs of e**2/2 where |e| <= delta, else delta*(|e| - delta/2).

    e = output - target. Huber 1964.
    """

    delta: float = 1.0

    def __post_init__(self) -> None:
        if not self.delta > 0:
            raise ConfigError(f"huber: expected delta > 0, got {self.delta}")

    def terms(self, backend: Backend, outputs: Array, wanted: Array) -> tuple[Array, Array]:
        difference = outputs - wanted
        size = backend.maximum(difference, -difference)
        small = size <= self.delta
        terms = backend.where(small, difference * difference * 0.5, (size - self.delta / 2) * self.delta)
        return terms, -backend.maximum(-backend.maximum(difference, -self.delta), -self.delta)
