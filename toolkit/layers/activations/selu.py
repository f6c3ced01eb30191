"""SELU: an ELU whose constants bring values towards mean 0 and variance 1."""

from dataclasses import dataclass

from cnnkit.layers.activations.exponential_unit import ExponentialConstants, ExponentialUnit

ALPHA, SCALE = 1.6732632423543772848, 1.0507009873554804934  # equations 14 of the paper


@dataclass(frozen=True)
class SELU(ExponentialUnit):
    """y = SCALE * x where x > 0, else SCALE * ALPHA * (exp(x) - 1); the gradient at 0 is SCALE * ALPHA.

    Klambauer et al. 2017.
    """

    @property
    def constants(self) -> ExponentialConstants:
        return ExponentialConstants(SCALE, SCALE * ALPHA, 1.0)
