"""Mistakes in optimizer steps."""

from collections.abc import Callable
from typing import Any

import numpy as np

from cnnkit.backends.protocol import Backend
from cnnkit.parity.mistakes.table import Mistake, Mistakes, change_arguments
from cnnkit.parity.recording import Call, ask_oracle

NO_DECAY = {"weight decay is missing": change_arguments(weight_decay=lambda _: 0.0)}


def _change_denominator(denominator: Callable[[Any, float, float], Any]) -> Mistake:
    """Return the mistake of dividing by another denominator(second moment, correction, epsilon)."""

    def mistake(oracle: Backend, call: Call) -> Any:
        _, first, second = ask_oracle(oracle, call)
        parameter = call["parameter"]
        if call["decoupled"]:
            parameter = parameter * (1 - call["rate"] * call["weight_decay"])
        divisor = denominator(second, call["correction"], call["epsilon"])
        return parameter - first / divisor * call["size"], first, second

    return mistake


MISTAKES: Mistakes = {
    "sgd_update": {
        "Nesterov's step is missing, or applied without being requested": change_arguments(
            nesterov=lambda call: not call["nesterov"]
        ),
        **NO_DECAY,
    },
    "adam_update": {
        "epsilon is added before the bias correction": _change_denominator(
            lambda second, c, epsilon: (np.sqrt(second) + epsilon) * c
        ),
        "epsilon is added inside the square root": _change_denominator(
            lambda second, c, epsilon: np.sqrt(second * c**2 + epsilon)
        ),
        "epsilon is missing": _change_denominator(lambda second, c, _: np.sqrt(second) * c),
        "the bias correction is missing": change_arguments(size=lambda call: call["rate"], correction=lambda _: 1.0),
        "weight decay is added to the gradient although it should not be, or the reverse": change_arguments(
            decoupled=lambda call: not call["decoupled"]
        ),
        **NO_DECAY,
    },
    "rmsprop_update": {"epsilon is missing": change_arguments(epsilon=lambda _: 0.0), **NO_DECAY},
}
