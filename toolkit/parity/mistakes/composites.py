"""Mistakes in biases, losses and optimizer steps."""

from dataclasses import replace
from typing import Any

import numpy as np

from cnnkit.backends.protocol import Backend
from cnnkit.parity.mistakes.table import Mistake, Mistakes, change_arguments
from cnnkit.parity.recording import Call, again


def _scale_loss(factor: Any) -> Mistake:
    def mistake(oracle: Backend, call: Call) -> Any:
        loss, dy = again(oracle, call)
        return loss * factor(call), dy * factor(call)

    return mistake


def _add_bias_along_last_axis(_: Backend, call: Call) -> Any:
    y = call["x"] + call["bias"]
    return np.maximum(y, 0) if call["relu"] else y


def _change_call(change: Any) -> Mistake:
    """Return the mistake of calling with changed arguments; change(call) returns the changed call."""

    def mistake(oracle: Backend, call: Call) -> Any:
        return again(oracle, change(call))

    return mistake


def _change_denominator(denominator: Any) -> Mistake:
    """Return the mistake of dividing by another denominator(second moment, correction, epsilon), in Adam and AdamW."""

    def mistake(oracle: Backend, call: Call) -> Any:
        rule = call["rule"]
        _, slots = again(oracle, call)
        first, second = slots["first_moment"], slots["second_moment"]
        scalars, parameter = call["scalars"], call["parameter"]
        if not rule.decay_joins_gradient:
            parameter = parameter * (1 - scalars["rate"] * rule.weight_decay)
        divisor = denominator(second, scalars["correction"], rule.epsilon)
        return parameter - first / divisor * scalars["size"], slots

    return mistake


def _drop_decay(call: Call) -> Call:
    return call.having(rule=replace(call["rule"], weight_decay=0.0))


def _drop_correction(call: Call) -> Call:
    scalars = call["scalars"]
    return call.having(scalars=scalars | {"size": scalars["rate"], "correction": 1.0})


MISTAKES: Mistakes = {
    "add_bias": {
        "the bias is missing": change_arguments(bias=lambda call: np.zeros_like(call["bias"])),
        "the bias is added along the last axis, not the channels": _add_bias_along_last_axis,
        "ReLU is missing, or applied without being requested": change_arguments(relu=lambda call: not call["relu"]),
    },
    "add_bias_gradient": {
        "ReLU is missing, or applied without being requested": change_arguments(relu=lambda call: not call["relu"])
    },
    "softmax_cross_entropy": {
        "summed over the batch instead of averaged": _scale_loss(lambda call: call["outputs"].shape[0]),
        "averaged over the classes as well": _scale_loss(lambda call: 1 / call["outputs"].shape[1]),
        "label smoothing is ignored": change_arguments(label_smoothing=lambda _: 0.0),
    },
    "update": {
        "epsilon is added before the bias correction": _change_denominator(
            lambda second, c, epsilon: (np.sqrt(second) + epsilon) * c
        ),
        "epsilon is added inside the square root": _change_denominator(
            lambda second, c, epsilon: np.sqrt(second * c**2 + epsilon)
        ),
        "epsilon is missing": _change_denominator(lambda second, c, _: np.sqrt(second) * c),
        "the bias correction is missing": _change_call(_drop_correction),
        "weight decay is missing": _change_call(_drop_decay),
    },
    "pack": {
        "values are in column-major order": lambda _, call: np.concatenate([a.ravel("F") for a in call["arrays"]])
    },
}
