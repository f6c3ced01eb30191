"""Adagrad: steps scaled by the sum of the squares of all gradients so far."""

from collections.abc import Sequence
from dataclasses import dataclass

from cnnkit.backends.protocol import Array, Backend
from cnnkit.optimizers.base import Optimizer, require_ranges
from cnnkit.optimizers.update_rule import Scalars


@dataclass(frozen=True)
class Adagrad(Optimizer):
    """s = s + g^2; p = p - rate * g / (sqrt(s) + epsilon).

    Duchi, Hazan and Singer 2011, with diagonal matrices, as torch.optim.Adagrad.
    """

    epsilon: float = 1e-10
    weight_decay: float = 0.0
    clip_norm: float = 0.0
    clip_value: float = 0.0
    decay_all: bool = True
    slots = ("square_sum",)

    def __post_init__(self) -> None:
        require_ranges(self)

    def step(
        self, backend: Backend, parameter: Array, gradient: Array, slots: Sequence[Array], scalars: Scalars
    ) -> tuple[Array, ...]:
        rate = scalars["rate"]

        def formula(p: Array, g: Array, s: Array) -> tuple[Array, ...]:
            if self.weight_decay:
                g = g + p * self.weight_decay
            s = s + g * g
            return p - g / (backend.sqrt(s) + self.epsilon) * rate, s

        return backend.update(formula, parameter, gradient, *slots)
