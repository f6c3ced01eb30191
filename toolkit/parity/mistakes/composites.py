"""Mistakes in biases, losses and packing."""

from typing import Any

import numpy as np

from cnnkit.backends.protocol import Backend
from cnnkit.parity.mistakes.table import Mistake, Mistakes, change_arguments
from cnnkit.parity.recording import Call, ask_oracle


def _scale_loss(factor: Any) -> Mistake:
    def mistake(oracle: Backend, call: Call) -> Any:
        loss, dy = ask_oracle(oracle, call)
        return loss * factor(call), dy * factor(call)

    return mistake


def _add_bias_along_last_axis(_: Backend, call: Call) -> Any:
    y = call["x"] + call["bias"]
    return np.maximum(y, 0) if call["relu"] else y


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
    "constant": {"values are doubled": lambda _, call: call["values"] * 2},
    "pack": {
        "values are in column-major order": lambda _, call: np.concatenate([a.ravel("F") for a in call["arrays"]])
    },
}
