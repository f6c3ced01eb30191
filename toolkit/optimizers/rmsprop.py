"""RMSprop: steps scaled by a running mean of the squared gradient."""

from dataclasses import dataclass

from cnnkit.backends.protocol import Array, Backend
from cnnkit.optimizers.base import Optimizer, Scalars, require_ranges


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

    def __post_init__(self) -> None:
        require_ranges(self)
        object.__setattr__(self, "slots", ("square", "velocity") if self.momentum else ("square",))

    def rule(
        self, backend: Backend, parameter: Array, gradient: Array, slots: dict[str, Array], scalars: Scalars
    ) -> tuple[Array, dict[str, Array]]:
        square = slots["square"] * self.decay + gradient * gradient * (1 - self.decay)
        direction = gradient / (backend.sqrt(square) + self.epsilon)
        if not self.momentum:
            return parameter - direction * scalars["rate"], {"square": square}
        velocity = slots["velocity"] * self.momentum + direction
        return parameter - velocity * scalars["rate"], {"square": square, "velocity": velocity}
