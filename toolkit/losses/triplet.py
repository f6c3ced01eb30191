"""Triplet loss: embeddings of one class near each other, of different classes apart."""

import math
from dataclasses import dataclass
from typing import ClassVar

from cnnkit.backends.protocol import Array, Backend
from cnnkit.contracts import dtype_name
from cnnkit.errors import ConfigError, ShapeError
from cnnkit.losses.base import Loss, require_targets
from cnnkit.losses.fitting import TargetDescriptions, require_kind, require_one, with_samples


@dataclass(frozen=True)
class Triplet(Loss):
    """loss = mean of max(0, d(anchor, positive) - d(anchor, negative) + margin), d the Euclidean distance.

    outputs (N, D) are embeddings, targets class labels (N,): a positive is another sample of the anchor's class, a
    negative one of another class, in the same batch.
    mining "hard": for each anchor its farthest positive and its nearest negative; the mean is over anchors that have
    both. "all": each triplet of the batch; the mean is over those, also where their term is 0. Hermans et al. 2017.
    A label of -1 is in no triplet. A sample's weight is that of the triplets of which it is the anchor. Samples are
    coupled: the loss of a data set depends on how it is cut into batches.
    """

    kinds: ClassVar[tuple[str, ...]] = ("class",)

    margin: float = 0.2
    mining: str = "hard"

    def __post_init__(self) -> None:
        if not 0 <= self.margin < math.inf:
            raise ConfigError(f"triplet: expected margin >= 0, got {self.margin}")
        if self.mining not in ("hard", "all"):
            raise ConfigError(f"triplet: expected mining hard or all, got {self.mining!r}")

    @property
    def decides(self) -> bool:
        return False

    @property
    def couples_samples(self) -> bool:
        return True

    def check(self, output_shape: tuple[int, ...], spec: TargetDescriptions) -> None:
        require_kind(self, require_one(spec))
        if len(output_shape) != 1:
            raise ConfigError(
                f"loss triplet: expected outputs (N, D), got {with_samples(output_shape)}: "
                "put a Flatten or GlobalAvgPool2D at the network's end"
            )

    def value_and_gradient(
        self, backend: Backend, outputs: Array, targets: Array, weights: Array | None = None
    ) -> tuple[Array, Array]:
        require_targets(self, outputs, targets)
        if targets.ndim != 1:
            raise ShapeError("Triplet", f"expected class labels (N,), got targets {tuple(targets.shape)}")
        count = outputs.shape[0]
        ones = backend.zeros((count, count), dtype_name(outputs)) + 1
        distances, difference = _measure(backend, outputs)
        labels, order = targets.reshape((-1, 1)), backend.arange(count)
        valid = backend.where((labels >= 0) * (targets >= 0), ones, 0.0)
        same = backend.where(labels == targets, valid, 0.0)
        negatives = valid - same
        positives = backend.where(order.reshape((-1, 1)) == order, 0.0, same)
        shares = ones[:, :1] if weights is None else weights.reshape((-1, 1))
        mine = self._mine_hard if self.mining == "hard" else self._mine_all
        loss, pull = mine(backend, distances, positives, negatives, shares)
        # A distance of 0 has no derivative.
        factor = (pull + backend.transpose(pull, (1, 0))) / backend.where(distances > 0, distances, 1.0)
        factor = backend.where(distances > 0, factor, 0.0).reshape((count, count, 1))
        return loss, backend.sum(factor * difference, axis=1)

    def _mine_hard(
        self, backend: Backend, distances: Array, positives: Array, negatives: Array, shares: Array
    ) -> tuple[Array, Array]:
        far = backend.where(positives > 0, distances, -1.0)
        lowest = -1 - backend.max(distances)
        near = backend.where(negatives > 0, -distances, lowest)
        lack = backend.max(far, axis=1, keepdims=True) + backend.max(near, axis=1, keepdims=True) + self.margin
        anchors = backend.max(positives, axis=1, keepdims=True) * backend.max(negatives, axis=1, keepdims=True)
        number = backend.maximum(backend.sum(anchors), 1.0)
        active = backend.where(lack > 0, anchors * shares, 0.0)
        chosen = backend.one_hot(backend.argmax(far, axis=1), far) - backend.one_hot(backend.argmax(near, axis=1), near)
        return backend.sum(lack * active) / number, chosen * active / number

    def _mine_all(
        self, backend: Backend, distances: Array, positives: Array, negatives: Array, shares: Array
    ) -> tuple[Array, Array]:
        count = distances.shape[0]
        far, near = distances.reshape((count, count, 1)), distances.reshape((count, 1, count))
        lack = far - near + self.margin
        triplets = positives.reshape((count, count, 1)) * negatives.reshape((count, 1, count))
        number = backend.maximum(backend.sum(triplets), 1.0)
        active = backend.where(lack > 0, triplets * shares.reshape((count, 1, 1)), 0.0)
        pull = (backend.sum(active, axis=2) - backend.sum(active, axis=1)) / number
        return backend.sum(lack * active) / number, pull


def _measure(backend: Backend, x: Array) -> tuple[Array, Array]:
    """Return the distances (N, N) of the rows of x (N, D), and their differences (N, N, D)."""
    count, length = x.shape
    difference = x.reshape((count, 1, length)) - x.reshape((1, count, length))
    largest = backend.max(backend.maximum(difference, -difference).reshape((-1,)), axis=0)
    scale = backend.where(largest > 0, largest, 1.0)  # so that no square overflows
    scaled = difference / scale
    return backend.sqrt(backend.sum(scaled * scaled, axis=2)) * scale, difference
