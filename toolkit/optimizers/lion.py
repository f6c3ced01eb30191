"""Lion: steps of one size, in the direction of the sign of a mixture of momentum and gradient."""

from collections.abc import Sequence
from dataclasses import dataclass

from cnnkit.backends.protocol import Array, Backend
from cnnkit.optimizers.base import Optimizer, require_ranges
from cnnkit.optimizers.update_rule import Scalars


@dataclass(frozen=True)
class Lion(Optimizer):
    """c = b1*m + (1-b1)*g; p = p - rate*(sign(c) + weight_decay*p); m = b2*m + (1-b2)*g.

    Chen et al. 2023, algorithm 2. The weight decay is decoupled.
    """

    beta1: float = 0.9
    beta2: float = 0.99
    weight_decay: float = 0.0
    clip_norm: float = 0.0
    clip_value: float = 0.0
    decay_all: bool = True
    slots = ("momentum",)

    def __post_init__(self) -> None:
        require_ranges(self)

    def step(
        self, backend: Backend, parameter: Array, gradient: Array, slots: Sequence[Array], scalars: Scalars
    ) -> tuple[Array, ...]:
        rate = scalars["rate"]

        def formula(p: Array, g: Array, m: Array) -> tuple[Array, ...]:
            mixed = m * self.beta1 + g * (1 - self.beta1)
            sign = mixed / backend.where(mixed == 0, 1.0, backend.maximum(mixed, -mixed))
            if self.weight_decay:
                p = p - p * (rate * self.weight_decay)
            return p - sign * rate, m * self.beta2 + g * (1 - self.beta2)

        return backend.update(formula, parameter, gradient, *slots)
