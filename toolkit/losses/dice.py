"""Dice loss: how far predicted and true regions are from covering each other."""

import math
from dataclasses import dataclass

from cnnkit.backends.protocol import Array, Backend, Shape
from cnnkit.contracts import dtype_name
from cnnkit.errors import ConfigError, ShapeError
from cnnkit.layers.activations.sigmoid import sigmoid
from cnnkit.layers.activations.softmax import softmax
from cnnkit.losses.base import Loss, is_labelled
from cnnkit.losses.binary import decide_binary, squash
from cnnkit.losses.fitting import TargetDescriptions, describe_targets, require_one
from cnnkit.losses.mean import average, read_targets


@dataclass(frozen=True)
class Dice(Loss):
    """loss = mean over samples and classes of 1 - (2 * sum(p * t) + smooth) / (sum(p) + sum(t) + smooth).

    Sums are over the places of a sample, t is the target. p = softmax of outputs (N, K, H, W), K > 1; of one output for
    two classes, or for a mask of numbers (N, 1, H, W), p = sigmoid of it.
    Places of class -1 are in no sum; a sample of such places alone does not count.
    smooth: keeps the quotient defined where a class is nowhere, and then 1 where none is predicted; > 0.
    Milletari et al. 2016, with sums of p and t instead of their squares.
    """

    kinds = ("class_map", "values")
    one_for_two = True

    smooth: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.smooth < math.inf:
            raise ConfigError(f"dice: expected smooth > 0, got {self.smooth}")

    def value_and_gradient(
        self, backend: Backend, outputs: Array, targets: Array, weights: Array | None = None
    ) -> tuple[Array, Array]:
        if weights is not None and weights.ndim > 1:
            problem = "expected a weight for each sample (N,), got one for each place"
            raise ShapeError("Dice", problem, "overlap has no weights of classes: leave class_weights out")
        wanted = read_targets(self, backend, outputs, targets)
        exclusive = outputs.shape[1] > 1
        p = softmax(backend, outputs) if exclusive else sigmoid(backend, outputs)
        counts: Array | float = 1.0
        if is_labelled(outputs, targets):
            places = targets.reshape((targets.shape[0], 1, *targets.shape[1:]))
            counts = backend.where(places >= 0, p[:, :1] * 0 + 1, 0.0)
        seen = p * counts
        overlap = 2 * _sum_places(backend, seen * wanted) + self.smooth
        whole = _sum_places(backend, seen) + _sum_places(backend, wanted) + self.smooth
        pull = (overlap / whole - 2 * wanted) / whole * counts  # the derivative in p
        inner = backend.sum(pull * p, axis=1, keepdims=True) if exclusive else pull * p
        labels = _find_any_label(backend, targets) if is_labelled(outputs, targets) else None
        return average(backend, 1 - overlap / whole, (pull - inner) * p, labels, weights)

    def count(self, backend: Backend, targets: Array, dtype: str) -> Array | None:
        """Return the number of samples of which a place is not ignored; None for masks of numbers."""
        if "int" not in dtype_name(targets):
            return None
        best = backend.max(targets.reshape((targets.shape[0], -1)), axis=1)
        return super().count(backend, best, dtype)

    def probabilities(self, backend: Backend, outputs: Array) -> Array:
        """Return shares of the classes; one output becomes two, (1 - p, p)."""
        return softmax(backend, outputs) if outputs.shape[1] > 1 else squash(backend, outputs)

    def decide(self, backend: Backend, outputs: Array) -> Array:
        return decide_binary(backend, outputs)

    def check(self, output_shape: Shape, spec: TargetDescriptions) -> None:
        super().check(output_shape, spec)
        targets = require_one(spec)
        if targets.kind == "values" and output_shape[0] != 1:
            raise ConfigError(f"loss dice: expected masks (N, 1, ...) or class maps, got {describe_targets(targets)}")


def _sum_places(backend: Backend, x: Array) -> Array:
    """Return the sums of x (N, C, ...) over all axes but the first two, which stay as axes of length 1."""
    return backend.sum(x, axis=tuple(range(2, x.ndim)), keepdims=True) if x.ndim > 2 else x


def _find_any_label(backend: Backend, labels: Array) -> Array:
    """Return the largest label of each sample (N, 1, ...), -1 where no place counts, with as many axes."""
    count = labels.shape[0]
    return backend.max(labels.reshape((count, -1)), axis=1).reshape((count, *(1 for _ in labels.shape[1:])))
