"""NAdam: Adam with Nesterov's momentum."""

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cnnkit.backends.protocol import Array, Backend
from cnnkit.optimizers.base import Optimizer, require_ranges
from cnnkit.optimizers.update_rule import Scalars

_NOTHING = 2.0**-60  # 1 minus this is 1 in float64


@dataclass(frozen=True)
class NAdam(Optimizer):
    """p = p - rate * (next(t+1)*m / (1 - product(t+1)) + (1-mu(t))*g / (1 - product(t))) / d, with next = mu.

    m and v are Adam's, d = sqrt(v / (1-b2^t)) + epsilon; mu(t) = b1 * (1 - 0.96^(t*momentum_decay) / 2), product(t) =
    mu(1) * ... * mu(t). Dozat 2016, algorithm 2, as torch.optim.NAdam.
    """

    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    momentum_decay: float = 4e-3
    weight_decay: float = 0.0
    clip_norm: float = 0.0
    clip_value: float = 0.0
    decay_all: bool = True
    slots = ("first_moment", "second_moment")

    def __post_init__(self) -> None:
        require_ranges(self)

    def scalars(self, step: int, learning_rate: float) -> dict[str, Any]:
        momentum, after = (_momentum(self.beta1, self.momentum_decay, t) for t in (step, step + 1))
        product = _momentum_product(self.beta1, self.momentum_decay, step)
        return {
            "gradient_size": learning_rate * (1 - momentum) / (1 - product),
            "moment_size": learning_rate * after / (1 - product * after),
            "correction": 1 / math.sqrt(1 - self.beta2**step),
        }

    def step(
        self, backend: Backend, parameter: Array, gradient: Array, slots: Sequence[Array], scalars: Scalars
    ) -> tuple[Array, ...]:
        def formula(p: Array, g: Array, m: Array, v: Array) -> tuple[Array, ...]:
            if self.weight_decay:
                g = g + p * self.weight_decay
            m = m * self.beta1 + g * (1 - self.beta1)
            v = v * self.beta2 + g * g * (1 - self.beta2)
            direction = m * scalars["moment_size"] + g * scalars["gradient_size"]
            return p - direction / (backend.sqrt(v) * scalars["correction"] + self.epsilon), m, v

        return backend.update(formula, parameter, gradient, *slots)


def _momentum(beta1: float, momentum_decay: float, step: int) -> float:
    """Return mu(step)."""
    share: float = 0.96 ** (step * momentum_decay)
    return beta1 * (1 - share / 2)


def _momentum_product(beta1: float, momentum_decay: float, step: int) -> float:
    """Return mu(1) * ... * mu(step); what the caller takes from 1 is 0 where it is too small to change that."""
    products = _products(beta1, momentum_decay)
    while len(products) <= step and products[-1] > _NOTHING:
        products.append(products[-1] * _momentum(beta1, momentum_decay, len(products)))
    return products[step] if step < len(products) else 0.0


@functools.lru_cache(maxsize=16)
def _products(beta1: float, momentum_decay: float) -> list[float]:  # noqa: ARG001 (a list for each of them)
    """Return the products computed so far: multiplying them anew at each step would take the square of the time."""
    return [1.0]
