"""RMSprop: steps scaled by a running mean of the squared gradient."""

from collections.abc import Sequence
from dataclasses import dataclass

from cnnkit.backends.protocol import Array, Backend
from cnnkit.optimizers.base import Optimizer, require_ranges
from cnnkit.optimizers.update_rule import Scalars


@dataclass(frozen=True)
class RMSprop(Optimizer):
    """s = decay*s + (1-decay)*g^2; v = momentum*v + g / (sqrt(s) + epsilon); p = p - rate*v.

    Tieleman and Hinton 2012, as torch.optim.RMSprop (decay is its alpha).
    """

    decay: float = 0.99
    epsilon: float = 1e-8
    momentum: float = 0.0
    weight_decay: float = 0.0
    clip_norm: float = 0.0
    clip_value: float = 0.0
    decay_all: bool = True

    def __post_init__(self) -> None:
        require_ranges(self)
        object.__setattr__(self, "slots", ("square", "velocity") if self.momentum else ("square",))

    def step(
        self, backend: Backend, parameter: Array, gradient: Array, slots: Sequence[Array], scalars: Scalars
    ) -> tuple[Array, ...]:
        return backend.rmsprop_update(
            parameter, gradient, slots[0], slots[1] if self.momentum else None, scalars["rate"],
            decay=self.decay, epsilon=self.epsilon, momentum=self.momentum, weight_decay=self.weight_decay,
        )  # fmt: skip
