"""Squared errors: the mean over the outputs, and half the sum over them."""

from dataclasses import dataclass

from cnnkit.backends.protocol import Array, Backend
from cnnkit.losses.mean import MeanLoss


@dataclass(frozen=True)
class MeanSquaredError(MeanLoss):
    """loss = mean over samples and outputs of (output - target)**2."""

    def terms(self, backend: Backend, outputs: Array, wanted: Array) -> tuple[Array, Array]:  # noqa: ARG002
        difference = outputs - wanted
        return difference * difference, difference * 2


@dataclass(frozen=True)
class HalfSquaredError(MeanLoss):
    """loss = mean over samples of half the sum over outputs (N, K) of (output - target)**2.

    A sample's gradient is output - target. Of outputs (N, C, H, W) the sum is over C, and the mean over places as well.
    """

    def terms(self, backend: Backend, outputs: Array, wanted: Array) -> tuple[Array, Array]:
        difference = outputs - wanted
        return backend.sum(difference * difference, axis=1, keepdims=True) * 0.5, difference
