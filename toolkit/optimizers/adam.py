"""Adam and AdamW: steps scaled by running means of the gradient and of its square."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from cnnkit.backends.protocol import Array, Backend
from cnnkit.optimizers.base import Optimizer, require_ranges
from cnnkit.optimizers.update_rule import Scalars


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
    clip_value: float = 0.0
    decay_all: bool = True
    slots = ("first_moment", "second_moment")
    decoupled: ClassVar[bool] = False  # whether weight decay shrinks the parameter instead of joining the gradient

    def __post_init__(self) -> None:
        require_ranges(self)

    def scalars(self, step: int, learning_rate: float) -> dict[str, Any]:
        return {
            "rate": learning_rate,
            "size": learning_rate / (1 - self.beta1**step),
            "correction": 1 / math.sqrt(1 - self.beta2**step),
        }

    def step(
        self, backend: Backend, parameter: Array, gradient: Array, slots: Sequence[Array], scalars: Scalars
    ) -> tuple[Array, ...]:
        first_moment, second_moment = slots
        return backend.adam_update(
            parameter, gradient, first_moment, second_moment, scalars["rate"], scalars["size"], scalars["correction"],
            beta1=self.beta1, beta2=self.beta2, epsilon=self.epsilon, weight_decay=self.weight_decay,
            decoupled=self.decoupled,
        )  # fmt: skip


@dataclass(frozen=True)
class AdamW(Adam):
    """Adam whose weight decay shrinks the parameter by rate * weight_decay instead of joining the gradient.

    Loshchilov and Hutter 2019, as torch.optim.AdamW.
    """

    weight_decay: float = 0.01
    decoupled = True
