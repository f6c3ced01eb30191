"""Squared errors: the mean over the outputs, and half the sum over them."""

import math
from dataclasses import dataclass

from cnnkit.backends.protocol import Array, Backend
from cnnkit.losses.base import Loss, as_targets


@dataclass(frozen=True)
class MeanSquaredError(Loss):
    """loss = mean over samples and outputs of (output - target)**2."""

    def value_and_gradient(self, backend: Backend, outputs: Array, targets: Array) -> tuple[Array, Array]:
        difference = outputs - as_targets(self, backend, outputs, targets)
        return backend.mean(difference * difference), difference * (2 / (math.prod(outputs.shape)))


@dataclass(frozen=True)
class HalfSquaredError(Loss):
    """loss = mean over samples of half the sum over outputs of (output - target)**2.

    A sample's gradient is output - target.
    """

    def value_and_gradient(self, backend: Backend, outputs: Array, targets: Array) -> tuple[Array, Array]:
        difference = outputs - as_targets(self, backend, outputs, targets)
        return backend.sum(difference * difference) * (0.5 / outputs.shape[0]), difference / outputs.shape[0]
