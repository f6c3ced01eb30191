"""Binary cross-entropy on logits, one binary decision per output."""

from dataclasses import dataclass

from cnnkit.backends.protocol import Array, Backend
from cnnkit.errors import ConfigError
from cnnkit.layers.activations.sigmoid import sigmoid
from cnnkit.losses.binary import BinaryLoss
from cnnkit.losses.mean import weigh


@dataclass(frozen=True)
class BinaryCrossEntropy(BinaryLoss):
    """loss = mean over samples and outputs of -target*log(p) - (1 - target)*log(1 - p), p = sigmoid(output).

    One output decides between two classes, 0 and 1. Several outputs are compared with tags, or with one-hot labels.
    over_outputs: "sum" adds up the outputs of a sample, so that the gradient in each is p - target.
    Written as |z|*(1 - target if z > 0 else target) + log(1 + exp(-|z|)), which never overflows.
    """

    over_outputs: str = "mean"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.over_outputs not in ("mean", "sum"):
            raise ConfigError(f"binary_cross_entropy: expected over_outputs mean or sum, got {self.over_outputs!r}")

    def terms(self, backend: Backend, outputs: Array, wanted: Array) -> tuple[Array, Array]:
        wanted = self.smooth(wanted, 2)
        magnitude = backend.maximum(outputs, -outputs)
        # An infinite output on the right side costs nothing: its weight of 0 must not meet the infinity.
        cost = weigh(backend, backend.where(outputs > 0, 1 - wanted, wanted), magnitude)
        terms = cost + backend.log1p(backend.exp(-magnitude))
        if self.over_outputs == "sum":
            terms = backend.sum(terms, axis=1, keepdims=True)
        return terms, sigmoid(backend, outputs) - wanted
