"""Focal losses: cross-entropies in which what is already right counts less. Lin et al. 2017."""

from dataclasses import dataclass

from cnnkit.backends.protocol import Array, Backend
from cnnkit.errors import ConfigError
from cnnkit.layers.activations.sigmoid import sigmoid
from cnnkit.layers.activations.softmax import softmax, subtract_largest
from cnnkit.losses.binary import BinaryLoss
from cnnkit.losses.classes import ClassesLoss
from cnnkit.losses.fitting import name_loss
from cnnkit.losses.mean import weigh


def _require_gamma(loss: "Focal | BinaryFocal") -> None:
    if not 0 <= loss.gamma < float("inf"):
        raise ConfigError(f"{name_loss(loss)}: expected gamma >= 0, got {loss.gamma}")
    if not 0 <= loss.alpha <= 1:
        raise ConfigError(f"{name_loss(loss)}: expected alpha in [0, 1], got {loss.alpha}")


@dataclass(frozen=True)
class Focal(ClassesLoss):
    """loss = mean of -alpha * sum over classes of target * (1 - p)**gamma * log(p), p = softmax(outputs).

    gamma 0 and alpha 1 make it softmax cross-entropy. An alpha for each class is what class weights are.
    """

    gamma: float = 2.0
    alpha: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        _require_gamma(self)

    def terms(self, backend: Backend, outputs: Array, wanted: Array) -> tuple[Array, Array]:
        wanted = self.smooth(wanted, outputs.shape[1]) * self.alpha
        shifted = subtract_largest(backend, outputs, (1,))
        powers = backend.exp(shifted)
        total = backend.sum(powers, axis=1, keepdims=True)
        logs, p, q = shifted - backend.log(total), powers / total, (total - powers) / total
        focus = backend.power(q, self.gamma)
        costs = weigh(backend, wanted, -(focus * logs))
        # The derivative of (1 - p)**gamma * log(p) in log(p); where p is 1, it is (1 - p)**gamma.
        change = focus - self.gamma * focus * weigh(backend, p, logs) / backend.where(q > 0, q, 1.0)
        pull = wanted * change
        return backend.sum(costs, axis=1, keepdims=True), p * backend.sum(pull, axis=1, keepdims=True) - pull

    def probabilities(self, backend: Backend, outputs: Array) -> Array:
        return softmax(backend, outputs)


@dataclass(frozen=True)
class BinaryFocal(BinaryLoss):
    """loss = mean over samples and outputs of -a * target * q**g * log(p) - (1 - a) * (1 - target) * p**g * log(q).

    p = sigmoid(output), q = 1 - p, g = gamma, a = alpha: the share of what is wanted as 1, for decisions of which few
    are. Alpha 0.5 and gamma 0 make it half of binary cross-entropy.
    """

    gamma: float = 2.0
    alpha: float = 0.25

    def __post_init__(self) -> None:
        super().__post_init__()
        _require_gamma(self)

    def terms(self, backend: Backend, outputs: Array, wanted: Array) -> tuple[Array, Array]:
        wanted = self.smooth(wanted, 2)
        yes, no = wanted * self.alpha, (1 - wanted) * (1 - self.alpha)
        cost, slope = self._cost(backend, outputs)
        other_cost, other_slope = self._cost(backend, -outputs)
        costs = weigh(backend, yes, cost) + weigh(backend, no, other_cost)
        return costs, weigh(backend, yes, slope) - weigh(backend, no, other_slope)

    def _cost(self, backend: Backend, z: Array) -> tuple[Array, Array]:
        """Return -(1 - p)**gamma * log(p) and its derivative in z."""
        softplus = backend.maximum(-z, 0.0) + backend.log1p(backend.exp(-backend.maximum(z, -z)))
        p, q = sigmoid(backend, z), sigmoid(backend, -z)
        focus = backend.power(q, self.gamma)
        return weigh(backend, focus, softplus), -focus * (q + self.gamma * weigh(backend, p, softplus))
