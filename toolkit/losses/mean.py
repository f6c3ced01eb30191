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
        wanted = read_targets(self, backend, outputs, targets)
        terms, slope = self.terms(backend, outputs, wanted)
        return average(backend, terms, slope, targets if is_labelled(outputs, targets) else None, weights)


def average(
    backend: Backend, terms: Array, slope: Array, labels: Array | None, weights: Array | None
) -> tuple[Array, Array]:
    """Return (loss, dy): the mean of the terms that count, each times its sample's weight, and its gradient.

    terms, slope: as `MeanLoss.terms` returns them; they may be written into. labels: (N, ...), of which -1 does not
    count; None: all count. weights: (N,) or None.
    """
    if weights is not None:
        terms, slope = terms * spread_samples(weights, terms), slope * spread_samples(weights, slope)
    if labels is None:
        count = backend.count_samples(terms.shape[0]) * math.prod(terms.shape[1:])
        return backend.mean_samples(terms), slope / count
    number, terms, slope = backend.drop_ignored(labels, terms, slope)
    number = number * terms.shape[1] if terms.shape[1] > 1 else number
    return backend.join(backend.sum_samples(terms)) / number, slope / number


def read_targets(loss: Loss, backend: Backend, outputs: Array, targets: Array) -> Array:
    """Return numbers of the outputs' shape: targets that are such, or zeros with a one at each label.

    One output for two classes is wanted at the label itself. A label of -1 gives zeros.
    Raises ShapeError where targets and outputs do not fit together.
    """
    require_targets(loss, outputs, targets)
    if not is_labelled(outputs, targets):
        return targets
    require_several(loss, outputs)
    alone = loss.one_for_two and outputs.shape[1] == 1
    rows = backend.one_hot(targets, backend.concatenate([outputs, outputs], axis=1) if alone else outputs)
    return rows[:, 1:] if alone else rows


def require_several(loss: Loss, outputs: Array) -> None:
    """Raise ShapeError where labels have nothing to be compared with: one output that cannot decide."""
    if outputs.shape[1] == 1 and not loss.one_for_two:
        hint = "one output decides between two classes with BinaryCrossEntropy"
        raise ShapeError(type(loss).__name__, "expected an output for each class, got one output", hint)


def spread_samples(values: Array, like: Array) -> Array:
    """Return values (N,), or (N, ...) of places, with as many axes as `like`, those that they lack of length 1."""
    if values.ndim == like.ndim:
        return values
    places = values.shape[1:] or [1 for _ in like.shape[2:]]
    return values.reshape((values.shape[0], *([1] if like.ndim > 1 else []), *places))


def weigh(backend: Backend, share: Array, cost: Array) -> Array:
    """Return share * cost, 0 where the share is 0, even if the cost is infinite."""
    return backend.where(share == 0, share, cost) * share
