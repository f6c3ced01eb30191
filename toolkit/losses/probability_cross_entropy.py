"""Cross-entropy on probabilities, for networks that end with a Softmax of their own."""

from dataclasses import dataclass

from cnnkit.backends.protocol import Array, Backend
from cnnkit.losses.base import Loss, as_targets, require_rows

SMALLEST = 1e-7  # below it, the line that goes on from the logarithm


@dataclass(frozen=True)
class ProbabilityCrossEntropy(Loss):
    """loss = mean over samples of -sum over classes of target * log(output); the outputs are probabilities.

    Below 1e-7, where Keras cuts them off, the logarithm goes on as its tangent, so that the loss stays finite and keeps
    its gradient. A network of cnnkit's own is better trained on logits, with softmax_cross_entropy.
    """

    def value_and_gradient(self, backend: Backend, outputs: Array, targets: Array) -> tuple[Array, Array]:
        wanted = as_targets(self, backend, outputs, targets)
        require_rows(self, outputs)
        count = outputs.shape[0]
        least = backend.maximum(outputs, SMALLEST)
        tangent = backend.maximum(SMALLEST - outputs, 0.0) / SMALLEST
        cost = wanted * (tangent - backend.log(least))
        return backend.sum(cost) / count, -wanted / least / count
