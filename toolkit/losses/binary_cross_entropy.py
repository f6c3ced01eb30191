"""Binary cross-entropy on logits, one binary decision per output."""

from dataclasses import dataclass
from typing import Any

from cnnkit.backends.protocol import Array, Backend, Shape
from cnnkit.layers.activations.sigmoid import sigmoid
from cnnkit.losses.base import Loss, as_targets, require_rows, require_targets


@dataclass(frozen=True)
class BinaryCrossEntropy(Loss):
    """loss = mean over samples, sum over outputs, of -target*log(p) - (1 - target)*log(1 - p), p = sigmoid(output).

    One output decides between two classes, 0 and 1. Several outputs are compared with one-hot labels.
    Written as |z|*(1 - target if z > 0 else target) + log(1 + exp(-|z|)), which never overflows.
    """

    def value_and_gradient(self, backend: Backend, outputs: Array, targets: Array) -> tuple[Array, Array]:
        require_targets(self, outputs, targets)
        if outputs.shape[1] == 1 and targets.ndim == 1:
            wanted = backend.one_hot(targets, backend.concatenate([outputs, outputs], axis=1))[:, 1:]
        else:
            wanted = as_targets(self, backend, outputs, targets)
        count, magnitude = outputs.shape[0], backend.maximum(outputs, -outputs)
        # An infinite output on the right side costs nothing: its weight of 0 must not meet the infinity.
        if targets.ndim == 1:  # the targets are 0 and 1
            cost = backend.maximum(outputs * (1 - 2 * wanted), 0.0)
        else:
            share = backend.where(outputs > 0, 1 - wanted, wanted)
            cost = backend.where(share == 0, share, magnitude) * share
        terms = cost + backend.log1p(backend.exp(-magnitude))
        return backend.sum(terms) / count, (sigmoid(backend, outputs) - wanted) / count

    def probabilities(self, backend: Backend, outputs: Array) -> Array:
        """Return sigmoid(outputs); one output becomes two columns, (1 - p, p)."""
        require_rows(self, outputs)
        p = sigmoid(backend, outputs)
        return backend.concatenate([1 - p, p], axis=1) if outputs.shape[1] == 1 else p

    def decide(self, backend: Backend, outputs: Array) -> Array:
        require_rows(self, outputs)
        # In float32, different outputs may round to equal probabilities.
        scores = backend.concatenate([0 * outputs, outputs], axis=1) if outputs.shape[1] == 1 else outputs
        return backend.argmax(scores, axis=1)

    def check(self, output_shape: Shape, spec: Any) -> None:
        if not (output_shape == (1,) and len(spec.names) == 2):
            super().check(output_shape, spec)
