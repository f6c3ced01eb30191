"""The composite primitives by native operations of PyTorch, in place where that is allowed."""

from typing import Any

from cnnkit.backends.protocol import Native


def add_bias(x: Native, bias: Native, relu: bool) -> Native:
    """X + bias along axis 1, then max(., 0) if relu, written into x."""
    y = x.add_(bias if x.ndim == 2 else bias.reshape((1, -1) + (1,) * (x.ndim - 2)))
    return y.relu_() if relu else y


def add_bias_gradient(torch: Any, dy: Native, y: Native, relu: bool) -> tuple[Native, Native]:
    """The adjoint of add_bias: (dx, dbias)."""
    dx = torch.ops.aten.threshold_backward(dy, y, 0) if relu else dy
    return dx, dx.sum(dim=(0, *range(2, dx.ndim)))


def softmax_cross_entropy(
    torch: Any, outputs: Native, wanted: Native, label_smoothing: float, counted: Native | None, weights: Native | None
) -> tuple[Native, Native]:
    """The loss and its gradient for rows of targets.

    counted: (N, 1) ones, zeros where a sample is ignored; None: all count.
    """
    samples, classes = outputs.shape
    count = samples if counted is None else counted.sum().clamp_(min=1)
    if label_smoothing:
        spread = label_smoothing / classes if counted is None else counted * (label_smoothing / classes)
        wanted = wanted * (1 - label_smoothing) + spread
    logarithms = torch.log_softmax(outputs, dim=1)
    # A class that is not the target's may have an output of -infinity: its weight of 0 must not meet the infinity.
    costs = torch.where(wanted == 0, wanted, logarithms) * wanted
    dy = logarithms.exp().sub_(wanted)
    if counted is not None:
        dy.mul_(counted)
    if weights is not None:
        costs, dy = costs * weights.reshape((-1, 1)), dy.mul_(weights.reshape((-1, 1)))
    return costs.sum() / -count, dy.div_(count)


def sgd_update(
    parameter: Native, gradient: Native, velocity: Native, rate: float, *,
    momentum: float, nesterov: bool, weight_decay: float,
) -> tuple[Native, ...]:  # fmt: skip
    """Backend.sgd_update in place."""
    gradient = _decayed(parameter, gradient, weight_decay)
    if velocity is None:
        return (parameter.add_(gradient, alpha=-rate),)
    velocity.mul_(momentum).add_(gradient)
    direction = gradient.add(velocity, alpha=momentum) if nesterov else velocity
    return parameter.add_(direction, alpha=-rate), velocity


def adam_update(
    parameter: Native, gradient: Native, first: Native, second: Native, rate: float, size: float, correction: float, *,
    beta1: float, beta2: float, epsilon: float, weight_decay: float, decoupled: bool,
) -> tuple[Native, ...]:  # fmt: skip
    """Backend.adam_update in place."""
    if decoupled:
        parameter.mul_(1 - rate * weight_decay)
    else:
        gradient = _decayed(parameter, gradient, weight_decay)
    first.mul_(beta1).add_(gradient, alpha=1 - beta1)
    second.mul_(beta2).addcmul_(gradient, gradient, value=1 - beta2)
    scale = second.sqrt().mul_(correction).add_(epsilon)
    return parameter.addcdiv_(first, scale, value=-size), first, second


def _decayed(parameter: Native, gradient: Native, decay: float) -> Native:
    return gradient.add(parameter, alpha=decay) if decay else gradient
