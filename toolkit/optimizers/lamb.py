"""LAMB: Adam's direction, with a step whose length is a share of the norm of each parameter tensor."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cnnkit.backends.protocol import Array, Backend
from cnnkit.optimizers.base import Optimizer, require_ranges
from cnnkit.optimizers.update_rule import Scalars


@dataclass(frozen=True)
class LAMB(Optimizer):
    """r = Adam's m / (1-b1^t) / (sqrt(v / (1-b2^t)) + epsilon) + weight_decay*p; p = p - rate * |p|/|r| * r.

    Norms are of one parameter tensor; where one of them is 0 the ratio is 1. You et al. 2020, algorithm 2, with the
    identity for phi.
    """

    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-6
    weight_decay: float = 0.01
    clip_norm: float = 0.0
    clip_value: float = 0.0
    decay_all: bool = True
    slots = ("first_moment", "second_moment")
    per_tensor = True

    def __post_init__(self) -> None:
        require_ranges(self)

    def scalars(self, step: int, learning_rate: float) -> dict[str, Any]:
        return {
            "rate": learning_rate,
            "size": 1 / (1 - self.beta1**step),
            "correction": 1 / math.sqrt(1 - self.beta2**step),
        }

    def step(
        self, backend: Backend, parameter: Array, gradient: Array, slots: Sequence[Array], scalars: Scalars
    ) -> tuple[Array, ...]:
        def moments(m: Array, g: Array, v: Array) -> tuple[Array, ...]:
            return m * self.beta1 + g * (1 - self.beta1), v * self.beta2 + g * g * (1 - self.beta2)

        first, second = backend.update(moments, slots[0], gradient, slots[1])
        direction = first * scalars["size"] / (backend.sqrt(second) * scalars["correction"] + self.epsilon)
        if self.weight_decay:
            direction = direction + parameter * self.weight_decay
        length, whole = (backend.sqrt(backend.sum(array * array)) for array in (parameter, direction))
        ratio = backend.where(length > 0, length, whole) / backend.where(whole > 0, whole, 1.0) * scalars["rate"]
        (parameter,) = backend.update(lambda p, d: (p - d * ratio,), parameter, direction)
        return parameter, first, second
