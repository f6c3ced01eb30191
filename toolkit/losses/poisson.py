"""Poisson loss: counts whose logarithm of the rate, or whose rate, a network gives."""

import math
from dataclasses import dataclass

from cnnkit.backends.protocol import Array, Backend
from cnnkit.losses.mean import MeanLoss

LARGEST_LOG = 70.0  # above it, the line that goes on from the exponential
SMALLEST_RATE = 1e-8  # below it, the line that goes on from the logarithm


@dataclass(frozen=True)
class Poisson(MeanLoss):
    """loss = mean over samples and outputs of rate - target * log(rate), the terms of -log P(target) with the rate.

    log_input: outputs are log(rate), otherwise the rate. Targets are counts, >= 0.
    Above an output of 70 the exponential goes on as its tangent, below a rate of 1e-8 the logarithm, so that float32
    stays finite and keeps its gradient. The PoissonNLLLoss of PyTorch.
    """

    kinds = ("numbers", "values", "input")
    target_range = (0.0, math.inf)

    log_input: bool = True

    def terms(self, backend: Backend, outputs: Array, wanted: Array) -> tuple[Array, Array]:
        if self.log_input:
            rate = backend.exp(-backend.maximum(-outputs, -LARGEST_LOG))
            over = backend.maximum(outputs - LARGEST_LOG, 0.0)
            return rate * (1 + over) - wanted * outputs, rate - wanted
        least = backend.maximum(outputs, SMALLEST_RATE)
        under = backend.maximum(SMALLEST_RATE - outputs, 0.0) / SMALLEST_RATE
        return outputs - wanted * (backend.log(least) - under), 1 - wanted / least

    def probabilities(self, backend: Backend, outputs: Array) -> Array:
        """Return the rates."""
        return backend.exp(outputs) if self.log_input else outputs
