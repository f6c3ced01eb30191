"""Softmax cross-entropy for mutually exclusive classes."""

from dataclasses import dataclass

from cnnkit.backends.protocol import Array, Backend
from cnnkit.contracts import dtype_name
from cnnkit.errors import ConfigError
from cnnkit.layers.activations.softmax import softmax
from cnnkit.losses.base import Loss, is_labelled, require_targets
from cnnkit.losses.classes import CLASSES
from cnnkit.losses.mean import require_several, spread_samples


@dataclass(frozen=True)
class SoftmaxCrossEntropy(Loss):
    """loss = mean over samples and places of -sum over classes of target * log softmax(outputs).

    label_smoothing: this share of each target is spread evenly over all classes (Szegedy et al. 2016).
    """

    kinds = CLASSES

    label_smoothing: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.label_smoothing < 1:
            raise ConfigError(f"softmax_cross_entropy: expected label_smoothing in [0, 1), got {self.label_smoothing}")

    def value_and_gradient(
        self, backend: Backend, outputs: Array, targets: Array, weights: Array | None = None
    ) -> tuple[Array, Array]:
        require_targets(self, outputs, targets)
        if is_labelled(outputs, targets):
            require_several(self, outputs)
        if outputs.ndim == 2:
            return backend.softmax_cross_entropy(outputs, targets, self.label_smoothing, weights)
        rows = _list_places(backend, outputs)
        wanted = targets.reshape((-1,)) if is_labelled(outputs, targets) else _list_places(backend, targets)
        places = outputs[:, 0]
        if weights is not None:
            ones = backend.zeros(tuple(places.shape), dtype_name(places)) + 1
            weights = (ones * spread_samples(weights, places)).reshape((-1,))
        loss, dy = backend.softmax_cross_entropy(rows, wanted, self.label_smoothing, weights)
        last = len(places.shape)
        axes = (0, last, *range(1, last))
        return loss, backend.transpose(dy.reshape((*places.shape, outputs.shape[1])), axes)

    def probabilities(self, backend: Backend, outputs: Array) -> Array:
        return softmax(backend, outputs)


def _list_places(backend: Backend, x: Array) -> Array:
    """Return x (N, K, ...) as rows (M, K), one for each place."""
    return backend.transpose(x, (0, *range(2, x.ndim), 1)).reshape((-1, x.shape[1]))
