"""Optimizer steps that are wrong in ways that people are."""

from collections.abc import Callable
from typing import Any

import numpy as np

from cnnkit.backends.protocol import Backend
from cnnkit.parity.mistakes.table import Mistake, Mistakes, other
from cnnkit.parity.recording import Call, again

NO_DECAY = {"weight decay is left out": other(weight_decay=lambda _: 0.0)}


def _adam(denominator: Callable[[Any, float, float], Any]) -> Mistake:
    """Return the mistake of another denominator; denominator(second moment, correction, epsilon)."""

    def mistake(oracle: Backend, call: Call) -> Any:
        _, first, second = again(oracle, call)
        parameter = call["parameter"]
        if call["decoupled"]:
            parameter = parameter * (1 - call["rate"] * call["weight_decay"])
        below = denominator(second, call["correction"], call["epsilon"])
        return parameter - first / below * call["size"], first, second

    return mistake


MISTAKES: Mistakes = {
    "sgd_update": {
        "Nesterov's step is left out, or done unasked": other(nesterov=lambda call: not call["nesterov"]),
        **NO_DECAY,
    },
    "adam_update": {
        "epsilon stands before the bias correction": _adam(lambda second, c, epsilon: (np.sqrt(second) + epsilon) * c),
        "epsilon stands inside the square root": _adam(lambda second, c, epsilon: np.sqrt(second * c**2 + epsilon)),
        "epsilon is left out": _adam(lambda second, c, _: np.sqrt(second) * c),
        "the bias correction is left out": other(size=lambda call: call["rate"], correction=lambda _: 1.0),
        "weight decay joins the gradient where it should not, or the other way": other(
            decoupled=lambda call: not call["decoupled"]
        ),
        **NO_DECAY,
    },
    "rmsprop_update": {"epsilon is left out": other(epsilon=lambda _: 0.0), **NO_DECAY},
}
