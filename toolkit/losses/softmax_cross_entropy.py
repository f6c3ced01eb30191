"""Softmax cross-entropy for mutually exclusive classes."""

from dataclasses import dataclass

from cnnkit.backends.protocol import Array, Backend
from cnnkit.errors import ConfigError, ShapeError
from cnnkit.layers.activations.softmax import softmax
from cnnkit.losses.base import Loss, require_rows, require_targets


@dataclass(frozen=True)
class SoftmaxCrossEntropy(Loss):
    """loss = mean over samples of -sum over classes of target * log softmax(outputs).

    label_smoothing: this share of each target is spread evenly over all classes (Szegedy et al. 2016).
    """

    label_smoothing: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.label_smoothing < 1:
            raise ConfigError(f"softmax_cross_entropy: expected label_smoothing in [0, 1), got {self.label_smoothing}")

    def value_and_gradient(self, backend: Backend, outputs: Array, targets: Array) -> tuple[Array, Array]:
        require_targets(self, outputs, targets)
        require_rows(self, outputs)
        if outputs.shape[1] == 1 and targets.ndim == 1:
            hint = "one output decides between two classes with BinaryCrossEntropy"
            raise ShapeError("SoftmaxCrossEntropy", "expected an output for each class, got one output", hint)
        return backend.softmax_cross_entropy(outputs, targets, self.label_smoothing)

    def probabilities(self, backend: Backend, outputs: Array) -> Array:
        require_rows(self, outputs)
        return softmax(backend, outputs)
