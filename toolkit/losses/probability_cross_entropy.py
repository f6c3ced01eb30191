"""Cross-entropy on probabilities, for networks that end with a Softmax of their own."""

from dataclasses import dataclass

from cnnkit.backends.protocol import Array, Backend
from cnnkit.losses.classes import ClassesLoss

SMALLEST = 1e-7  # below it, the line that goes on from the logarithm


@dataclass(frozen=True)
class ProbabilityCrossEntropy(ClassesLoss):
    """loss = mean over samples and places of -sum over classes of target * log(output); outputs are probabilities.

    Below 1e-7, where Keras cuts them off, the logarithm goes on as its tangent, so that the loss stays finite and keeps
    its gradient. A network of cnnkit's own is better trained on logits, with softmax_cross_entropy.
    """

    def terms(self, backend: Backend, outputs: Array, wanted: Array) -> tuple[Array, Array]:
        wanted = self.smooth(wanted, outputs.shape[1])
        least = backend.maximum(outputs, SMALLEST)
        tangent = backend.maximum(SMALLEST - outputs, 0.0) / SMALLEST
        costs = wanted * (tangent - backend.log(least))
        return backend.sum(costs, axis=1, keepdims=True), -wanted / least
