"""Losses that are the mean of a term for each output, or for each place."""

import math
from abc import abstractmethod

from cnnkit.backends.protocol import Array, Backend
from cnnkit.errors import ShapeError
from cnnkit.losses.base import Loss, is_labelled, require_targets


class MeanLoss(Loss):
    """loss = mean over samples and places of weight * term."""

    @abstractmethod
    def terms(self, backend: Backend, outputs: Array, wanted: Array) -> tuple[Array, Array]:
        """Return (terms, slope) of outputs (N, K, ...) and wanted numbers of their shape.

        terms: of the outputs' shape, or sums over axis 1 (N, 1, ...). slope: the derivative of the sum of all terms in
        the outputs, of their shape.
        """

    def value_and_gradient(
        self, backend: Backend, outputs: Array, targets: Array, weights: Array | None = None
    ) -> tuple[Array, Array]:
        wanted, counted = read_targets(self, backend, outputs, targets)
        terms, slope = self.terms(backend, outputs, wanted)
        return average(backend, terms, slope, counted, weights)


def read_targets(loss: Loss, backend: Backend, outputs: Array, targets: Array) -> tuple[Array, Array | None]:
    """Return (wanted, counted): numbers of the outputs' shape, and for labels (N, 1, ...) ones, zeros at ignored ones.

    Labels become zeros with a one at the label; one output for two classes is wanted at the label itself.
    Raises ShapeError where targets and outputs do not fit together.
    """
    require_targets(loss, outputs, targets)
    if not is_labelled(outputs, targets):
        return targets, None
    require_several(loss, outputs)
    alone = loss.one_for_two and outputs.shape[1] == 1
    rows = backend.one_hot(targets, backend.concatenate([outputs, outputs], axis=1) if alone else outputs)
    return rows[:, 1:] if alone else rows, backend.sum(rows, axis=1, keepdims=True)


def require_several(loss: Loss, outputs: Array) -> None:
    """Raise ShapeError where labels have nothing to be compared with: one output that cannot decide."""
    if outputs.shape[1] == 1 and not loss.one_for_two:
        hint = "one output decides between two classes with BinaryCrossEntropy"
        raise ShapeError(type(loss).__name__, "expected an output for each class, got one output", hint)


def average(
    backend: Backend, terms: Array, slope: Array, counted: Array | None, weights: Array | None
) -> tuple[Array, Array]:
    """Return (loss, dy): the mean of the terms that count, each times its sample's weight, and its gradient.

    terms, slope: as `MeanLoss.terms` returns them. counted: None, or ones and zeros (N, 1, ...).
    weights: None, (N,), or (N, ...) of the places.
    """
    size = math.prod(terms.shape)
    if weights is not None:
        factors = spread_samples(weights, terms)
        terms, slope = terms * factors, slope * factors
    if counted is None:
        return backend.mean(terms), slope / size
    counts = counted > 0  # what is ignored may be infinite, and must not meet a factor of 0
    each = size // math.prod(counted.shape)
    number = backend.maximum(backend.sum(counted), 1.0) * each
    return backend.sum(backend.where(counts, terms, 0.0)) / number, backend.where(counts, slope, 0.0) / number


def spread_samples(values: Array, like: Array) -> Array:
    """Return values (N,), or (N, ...) of places, with as many axes as `like`, those that they lack of length 1."""
    if values.ndim == like.ndim:
        return values
    places = values.shape[1:] or [1 for _ in like.shape[2:]]
    return values.reshape((values.shape[0], *([1] if like.ndim > 1 else []), *places))


def weigh(backend: Backend, share: Array, cost: Array) -> Array:
    """Return share * cost, 0 where the share is 0, even if the cost is infinite."""
    return backend.where(share == 0, share, cost) * share
