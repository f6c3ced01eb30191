"""Labels as rows, and softmax cross-entropy with its gradient: the default bodies of these composites."""

from typing import Any

from cnnkit.backends.arrays import Array, Scalar
from cnnkit.contracts import dtype_name


def softmax_cross_entropy(
    backend: Any, outputs: Array, targets: Array, label_smoothing: float, weights: Array | None
) -> tuple[Array, Array]:
    """Return (loss, dy) of outputs (N, K), as `Backend.softmax_cross_entropy` says."""
    labelled = targets.ndim == 1
    rows = backend.one_hot(targets, outputs) if labelled else targets
    if label_smoothing:
        rows = rows * (1 - label_smoothing) + label_smoothing / outputs.shape[1]
    shifted = outputs - backend.max(outputs, axis=1, keepdims=True)
    powers = backend.exp(shifted)
    total = backend.sum(powers, axis=1, keepdims=True)
    # A class that is not the target's may have an output of -infinity: its weight of 0 must not meet the infinity.
    logs = backend.where(rows == 0, rows, backend.log(total) - shifted)
    costs, dy = rows * logs, powers / total - rows
    number: Scalar = backend.count_samples(outputs.shape[0])
    if labelled:
        number, costs, dy = backend.drop_ignored(targets, costs, dy)
    if weights is not None:
        costs, dy = costs * weights.reshape((-1, 1)), dy * weights.reshape((-1, 1))
    return backend.join(backend.sum_samples(costs)) / number, dy / number


def one_hot(backend: Any, labels: Array, like: Array) -> Array:
    """Return zeros and ones, as `Backend.one_hot` says."""
    ones = backend.zeros(tuple(like.shape), dtype_name(like)) + 1
    count, classes, *places = like.shape
    positions = backend.arange(classes).reshape((classes, *(1 for _ in places)))
    rows: Array = backend.where(labels.reshape((count, 1, *places)) == positions, ones, 0.0)
    return rows


def drop_ignored(backend: Any, labels: Array, *arrays: Array) -> tuple[Array, ...]:
    """Return (number, *arrays), as `Backend.drop_ignored` says."""
    places = labels.reshape((labels.shape[0], 1, *labels.shape[1:]))
    ones = backend.zeros(tuple(places.shape), dtype_name(arrays[0])) + 1
    number = backend.maximum(backend.join(backend.sum_samples(backend.where(places >= 0, ones, 0.0))), 1.0)
    return (number, *(backend.where(places >= 0, array, 0.0) for array in arrays))
