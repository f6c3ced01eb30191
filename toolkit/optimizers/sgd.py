"""Stochastic gradient descent, plain, with momentum, or with Nesterov's."""

from dataclasses import dataclass

from cnnkit.backends.protocol import Array, Backend
from cnnkit.errors import ConfigError
from cnnkit.optimizers.base import Optimizer, Scalars, require_ranges


@dataclass(frozen=True)
class SGD(Optimizer):
    """v = momentum*v + g; p = p - rate*v, with Nesterov p = p - rate*(g + momentum*v). As torch.optim.SGD."""

    momentum: float = 0.0
    nesterov: bool = False
    weight_decay: float = 0.0
    clip_norm: float = 0.0

    def __post_init__(self) -> None:
        require_ranges(self)
        if self.nesterov and not self.momentum:
            raise ConfigError(
                "sgd: expected momentum > 0 with nesterov=true, got 0: write sgd:momentum=0.9,nesterov=true"
            )
        object.__setattr__(self, "slots", ("velocity",) if self.momentum else ())

    def rule(
        self, backend: Backend, parameter: Array, gradient: Array, slots: dict[str, Array], scalars: Scalars
    ) -> tuple[Array, dict[str, Array]]:
        if not self.momentum:
            return parameter - gradient * scalars["rate"], {}
        velocity = slots["velocity"] * self.momentum + gradient
        direction = gradient + velocity * self.momentum if self.nesterov else velocity
        return parameter - direction * scalars["rate"], {"velocity": velocity}
