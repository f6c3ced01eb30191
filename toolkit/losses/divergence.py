"""Losses on log-probabilities, for networks that end with a LogSoftmax of their own."""

from dataclasses import dataclass

from cnnkit.backends.protocol import Array, Backend
from cnnkit.losses.classes import CLASSES, ClassesLoss
from cnnkit.losses.mean import weigh


@dataclass(frozen=True)
class LogProbabilityLoss(ClassesLoss):
    """Base of losses whose outputs are log-probabilities along axis 1."""

    def terms(self, backend: Backend, outputs: Array, wanted: Array) -> tuple[Array, Array]:
        wanted = self.smooth(wanted, outputs.shape[1])
        return backend.sum(weigh(backend, wanted, -outputs), axis=1, keepdims=True), -wanted

    def probabilities(self, backend: Backend, outputs: Array) -> Array:
        return backend.exp(outputs)


@dataclass(frozen=True)
class NegativeLogLikelihood(LogProbabilityLoss):
    """loss = mean over samples and places of -sum over classes of target * output; outputs are log-probabilities."""


@dataclass(frozen=True)
class KLDivergence(LogProbabilityLoss):
    """loss = mean over samples and places of the sum over classes of target * (log(target) - output).

    Outputs are log-probabilities. Targets are shares that sum to 1, such as another network's probabilities, or labels.
    Kullback and Leibler 1951; the KLDivLoss of PyTorch with "batchmean".
    """

    kinds = (*CLASSES, "numbers", "values")
    target_range = (0.0, 1.0)

    def terms(self, backend: Backend, outputs: Array, wanted: Array) -> tuple[Array, Array]:
        costs, slope = super().terms(backend, outputs, wanted)
        shares = -slope  # smoothed
        inner = shares * backend.log(backend.where(shares > 0, shares, 1.0))
        return costs + backend.sum(inner, axis=1, keepdims=True), slope
