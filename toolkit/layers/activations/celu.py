"""CELU: an ELU whose slope does not jump at zero."""

from dataclasses import dataclass

from cnnkit.layers.activations.exponential_unit import ExponentialConstants, ExponentialUnit
from cnnkit.layers.fields import require
from cnnkit.values import is_number


@dataclass(frozen=True)
class CELU(ExponentialUnit):
    """y = x where x > 0, else alpha * (exp(x / alpha) - 1); the gradient at 0 is 1. Barron 2017."""

    alpha: float = 1.0

    def __post_init__(self) -> None:
        require(is_number(self.alpha) and self.alpha > 0, self.type, "alpha", "> 0", self.alpha)

    @property
    def constants(self) -> ExponentialConstants:
        return ExponentialConstants(1.0, self.alpha, 1 / self.alpha)
