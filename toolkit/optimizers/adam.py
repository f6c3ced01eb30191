"""Adam and AdamW: steps scaled by running means of the gradient and of its square."""

import math
from dataclasses import dataclass
from typing import Any

from cnnkit.backends.protocol import Array, Backend
from cnnkit.optimizers.base import Optimizer, Scalars, require_ranges


@dataclass(frozen=True)
class Adam(Optimizer):
    """m = b1*m + (1-b1)*g; v = b2*v + (1-b2)*g^2; p = p - rate * (m / (1-b1^t)) / (sqrt(v / (1-b2^t)) + epsilon).

    Kingma and Ba 2015, epsilon after the bias correction, as torch.optim.Adam.
    """

    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    weight_decay: float = 0.0
    clip_norm: float = 0.0
    slots = ("first_moment", "second_moment")

    def __post_init__(self) -> None:
        require_ranges(self)

    def scalars(self, step: int, learning_rate: float) -> dict[str, Any]:
        return {
            "rate": learning_rate,
            "size": learning_rate / (1 - self.beta1**step),
            "correction": 1 / math.sqrt(1 - self.beta2**step),
        }

    def rule(
        self, backend: Backend, parameter: Array, gradient: Array, slots: dict[str, Array], scalars: Scalars
    ) -> tuple[Array, dict[str, Array]]:
        first = slots["first_moment"] * self.beta1 + gradient * (1 - self.beta1)
        second = slots["second_moment"] * self.beta2 + gradient * gradient * (1 - self.beta2)
        scale = backend.sqrt(second) * scalars["correction"] + self.epsilon
        return parameter - first / scale * scalars["size"], {"first_moment": first, "second_moment": second}


@dataclass(frozen=True)
class AdamW(Adam):
    """Adam whose weight decay shrinks the parameter by rate * weight_decay instead of joining the gradient.

    Loshchilov and Hutter 2019, as torch.optim.AdamW.
    """

    weight_decay: float = 0.01
    decay_joins_gradient = False

    def rule(
        self, backend: Backend, parameter: Array, gradient: Array, slots: dict[str, Array], scalars: Scalars
    ) -> tuple[Array, dict[str, Array]]:
        shrunk = parameter - parameter * (scalars["rate"] * self.weight_decay)
        return super().rule(backend, shrunk, gradient, slots, scalars)
