"""ELU: what is below zero tends to a constant."""

from dataclasses import dataclass

from cnnkit.layers.activations.exponential_unit import ExponentialConstants, ExponentialUnit
from cnnkit.layers.fields import require
from cnnkit.values import is_number


@dataclass(frozen=True)
class ELU(ExponentialUnit):
    """y = x where x > 0, else alpha * (exp(x) - 1); the gradient at 0 is alpha. Clevert et al. 2015."""

    alpha: float = 1.0

    def __post_init__(self) -> None:
        require(is_number(self.alpha), self.type, "alpha", "a finite number", self.alpha)

    @property
    def constants(self) -> ExponentialConstants:
        return ExponentialConstants(1.0, self.alpha, 1.0)
