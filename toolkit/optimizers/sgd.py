"""Stochastic gradient descent, plain, with momentum, or with Nesterov's."""

from collections.abc import Sequence
from dataclasses import dataclass

from cnnkit.backends.protocol import Array, Backend
from cnnkit.errors import ConfigError
from cnnkit.optimizers.base import Optimizer, require_ranges
from cnnkit.optimizers.update_rule import Scalars


@dataclass(frozen=True)
class SGD(Optimizer):
    """v = momentum*v + g; p = p - rate*v, with Nesterov p = p - rate*(g + momentum*v). As torch.optim.SGD."""

    momentum: float = 0.0
    nesterov: bool = False
    weight_decay: float = 0.0
    clip_norm: float = 0.0
    clip_value: float = 0.0
    decay_all: bool = True

    def __post_init__(self) -> None:
        require_ranges(self)
        if self.nesterov and not self.momentum:
            raise ConfigError(
                "sgd: expected momentum > 0 with nesterov=true, got 0: write sgd:momentum=0.9,nesterov=true"
            )
        object.__setattr__(self, "slots", ("velocity",) if self.momentum else ())

    def step(
        self, backend: Backend, parameter: Array, gradient: Array, slots: Sequence[Array], scalars: Scalars
    ) -> tuple[Array, ...]:
        return backend.sgd_update(
            parameter, gradient, slots[0] if self.momentum else None, scalars["rate"],
            momentum=self.momentum, nesterov=self.nesterov, weight_decay=self.weight_decay,
        )  # fmt: skip
