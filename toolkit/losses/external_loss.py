"""The calls of a loss, with what one written outside cnnkit returns checked; a breach is one line."""

from cnnkit.backends.protocol import Array, Backend
from cnnkit.contracts import naming_faults, require_array, require_pair
from cnnkit.losses.base import Loss


def value_and_gradient(
    loss: Loss, backend: Backend, outputs: Array, targets: Array, weights: Array | None = None
) -> tuple[Array, Array]:
    """Return loss.value_and_gradient(...): a 0-d value, and a gradient of the outputs' shape and dtype."""
    if not loss.external:
        return loss.value_and_gradient(backend, outputs, targets, weights)
    part, method = type(loss).__name__, "value_and_gradient"
    given = (outputs, targets) if weights is None else (outputs, targets, weights)  # it may know of no weights
    with naming_faults(part, method, passes=backend.out_of_memory):
        result = loss.value_and_gradient(backend, *given)
    value, dy = require_pair(part, method, "(loss, dy)", result)
    require_array(part, "loss of value_and_gradient, a mean over the batch,", value, ())
    require_array(part, "dy of value_and_gradient, as the outputs,", dy, tuple(outputs.shape), outputs.dtype)
    return value, dy


def decide(loss: Loss, backend: Backend, outputs: Array) -> Array:
    """Return loss.decide(...): a class for each sample, or for each place of outputs (N, K, ...)."""
    if not loss.external:
        return loss.decide(backend, outputs)
    part = type(loss).__name__
    with naming_faults(part, "decide", passes=backend.out_of_memory):
        classes = loss.decide(backend, outputs)
    require_array(part, "the classes of decide", classes, (outputs.shape[0], *outputs.shape[2:]))
    return classes


def probabilities(loss: Loss, backend: Backend, outputs: Array) -> Array:
    """Return loss.probabilities(...): scores, of the outputs' shape but for the length of axis 1."""
    if not loss.external:
        return loss.probabilities(backend, outputs)
    part = type(loss).__name__
    with naming_faults(part, "probabilities", passes=backend.out_of_memory):
        scores = loss.probabilities(backend, outputs)
    columns = scores.shape[1] if getattr(scores, "ndim", 0) == outputs.ndim else outputs.shape[1]
    require_array(part, "the scores of probabilities", scores, (outputs.shape[0], columns, *outputs.shape[2:]))
    return scores
