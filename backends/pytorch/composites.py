"""The composite primitives by native operations of PyTorch, in place where that is allowed."""

from collections.abc import Mapping
from typing import Any

from cnnkit.backends.composite import Rule
from cnnkit.backends.protocol import Native


def add_bias(x: Native, bias: Native, relu: bool) -> Native:
    """X + bias along axis 1, then max(., 0) if relu, written into x."""
    y = x.add_(bias if x.ndim == 2 else bias.reshape((1, -1, 1, 1)))
    return y.relu_() if relu else y


def add_bias_gradient(torch: Any, dy: Native, y: Native, relu: bool) -> tuple[Native, Native]:
    """The adjoint of add_bias: (dx, dbias)."""
    dx = torch.ops.aten.threshold_backward(dy, y, 0) if relu else dy
    return dx, dx.sum(dim=(0, 2, 3) if dx.ndim == 4 else 0)


def softmax_cross_entropy(torch: Any, outputs: Native, wanted: Native, label_smoothing: float) -> tuple[Native, Native]:
    """The loss and its gradient for rows of targets."""
    count, classes = outputs.shape
    if label_smoothing:
        wanted = wanted * (1 - label_smoothing) + label_smoothing / classes
    logarithms = torch.log_softmax(outputs, dim=1)
    return (wanted * logarithms).sum() / -count, logarithms.exp().sub_(wanted).div_(count)


def update(
    rule: Rule, parameter: Native, gradient: Native, slots: dict[str, Native], scalars: Mapping[str, Any]
) -> bool:
    """Update parameter and slots in place by a formula known here; False, and nothing done, for any other."""
    name, constants = rule.name, rule.constants()
    if not all(isinstance(scalars[key], float) for key in ("rate", "size", "correction") if key in scalars):
        return False  # numbers that live on the device
    if name == "cnnkit.SGD":
        momentum, nesterov, decay, _ = constants
        _sgd(parameter, _decayed(parameter, gradient, decay), slots, scalars["rate"], momentum, bool(nesterov))
    elif name in ("cnnkit.Adam", "cnnkit.AdamW"):
        beta1, beta2, epsilon, decay, _ = constants
        if name == "cnnkit.AdamW":
            parameter.mul_(1 - scalars["rate"] * decay)
        else:
            gradient = _decayed(parameter, gradient, decay)
        first, second = slots["first_moment"], slots["second_moment"]
        first.mul_(beta1).add_(gradient, alpha=1 - beta1)
        second.mul_(beta2).addcmul_(gradient, gradient, value=1 - beta2)
        scale = second.sqrt().mul_(scalars["correction"]).add_(epsilon)
        parameter.addcdiv_(first, scale, value=-scalars["size"])
    else:
        return False
    return True


def _decayed(parameter: Native, gradient: Native, decay: float) -> Native:
    return gradient.add(parameter, alpha=decay) if decay else gradient


def _sgd(
    parameter: Native, gradient: Native, slots: dict[str, Native], rate: float, momentum: float, nesterov: bool
) -> None:
    if not momentum:
        parameter.add_(gradient, alpha=-rate)
        return
    velocity = slots["velocity"].mul_(momentum).add_(gradient)
    direction = gradient.add(velocity, alpha=momentum) if nesterov else velocity
    parameter.add_(direction, alpha=-rate)
