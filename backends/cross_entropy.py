"""Softmax cross-entropy with its gradient, in terms of small primitives: the default body of the composite."""

from typing import Any

from cnnkit.backends.arrays import Array, Scalar


def softmax_cross_entropy(
    backend: Any, outputs: Array, targets: Array, label_smoothing: float, weights: Array | None
) -> tuple[Array, Array]:
    """Return (loss, dy) of outputs (N, K), as `Backend.softmax_cross_entropy` says."""
    count, classes = outputs.shape
    labelled = targets.ndim == 1
    rows = backend.one_hot(targets, outputs) if labelled else targets
    counted = backend.sum(rows, axis=1, keepdims=True) if labelled else None
    divisor: Scalar = count if counted is None else backend.maximum(backend.sum(counted), 1.0)
    if label_smoothing:
        spread = label_smoothing / classes if counted is None else counted * (label_smoothing / classes)
        rows = rows * (1 - label_smoothing) + spread
    shifted = outputs - backend.max(outputs, axis=1, keepdims=True)
    powers = backend.exp(shifted)
    total = backend.sum(powers, axis=1, keepdims=True)
    # A class that is not the target's may have an output of -infinity: its weight of 0 must not meet the infinity.
    logs = backend.where(rows == 0, rows, backend.log(total) - shifted)
    costs, dy = rows * logs, powers / total - rows
    if counted is not None:
        dy = dy * counted
    if weights is not None:
        costs, dy = costs * weights.reshape((-1, 1)), dy * weights.reshape((-1, 1))
    return backend.sum(costs) / divisor, dy / divisor
