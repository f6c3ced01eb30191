"""Adamax: Adam with the largest gradient, of weights that fade, in place of the mean square."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cnnkit.backends.protocol import Array, Backend
from cnnkit.optimizers.base import Optimizer, require_ranges
from cnnkit.optimizers.update_rule import Scalars


@dataclass(frozen=True)
class Adamax(Optimizer):
    """m = b1*m + (1-b1)*g; u = max(b2*u, |g| + epsilon); p = p - rate / (1-b1^t) * m / u.

    Kingma and Ba 2015, algorithm 2, with epsilon where torch.optim.Adamax has it.
    """

    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    weight_decay: float = 0.0
    clip_norm: float = 0.0
    clip_value: float = 0.0
    decay_all: bool = True
    slots = ("first_moment", "largest")

    def __post_init__(self) -> None:
        require_ranges(self)

    def scalars(self, step: int, learning_rate: float) -> dict[str, Any]:
        return {"size": learning_rate / (1 - self.beta1**step)}

    def step(
        self, backend: Backend, parameter: Array, gradient: Array, slots: Sequence[Array], scalars: Scalars
    ) -> tuple[Array, ...]:
        def formula(p: Array, g: Array, m: Array, u: Array) -> tuple[Array, ...]:
            if self.weight_decay:
                g = g + p * self.weight_decay
            m = m * self.beta1 + g * (1 - self.beta1)
            u = backend.maximum(u * self.beta2, backend.maximum(g, -g) + self.epsilon)
            return p - m / u * scalars["size"], m, u

        return backend.update(formula, parameter, gradient, *slots)
