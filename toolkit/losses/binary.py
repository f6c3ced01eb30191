"""What losses of binary decisions share: each output decides by itself; one output decides between two classes."""

from dataclasses import dataclass

from cnnkit.backends.protocol import Array, Backend
from cnnkit.layers.activations.sigmoid import sigmoid
from cnnkit.losses.smoothing import SmoothedLoss


@dataclass(frozen=True)
class BinaryLoss(SmoothedLoss):
    """Base of losses on logits of binary decisions: tags, several classes one against all, or one output for two."""

    one_for_two = True
    target_range = (0.0, 1.0)

    def probabilities(self, backend: Backend, outputs: Array) -> Array:
        """Return sigmoid(outputs); one output becomes two, (1 - p, p)."""
        return squash(backend, outputs)

    def decide(self, backend: Backend, outputs: Array) -> Array:
        return decide_binary(backend, outputs)


def decide_binary(backend: Backend, outputs: Array) -> Array:
    """Return the class (N, ...) of the largest output along axis 1; of one output, 1 where it is above 0."""
    # In float32, different outputs may round to equal probabilities.
    scores = backend.concatenate([0 * outputs, outputs], axis=1) if outputs.shape[1] == 1 else outputs
    return backend.argmax(scores, axis=1)


def squash(backend: Backend, outputs: Array) -> Array:
    """Return sigmoid(outputs); one output becomes two, (1 - p, p)."""
    p = sigmoid(backend, outputs)
    return backend.concatenate([1 - p, p], axis=1) if outputs.shape[1] == 1 else p
