"""Wrong biases and losses."""

from typing import Any

import numpy as np

from cnnkit.backends.protocol import Backend
from cnnkit.parity.mistakes.table import Mistake, Mistakes, other
from cnnkit.parity.recording import Call, again


def _loss(factor: Any) -> Mistake:
    def mistake(oracle: Backend, call: Call) -> Any:
        loss, dy = again(oracle, call)
        return loss * factor(call), dy * factor(call)

    return mistake


def _bias_along_the_last_axis(_: Backend, call: Call) -> Any:
    y = call["x"] + call["bias"]
    return np.maximum(y, 0) if call["relu"] else y


MISTAKES: Mistakes = {
    "add_bias": {
        "the bias is left out": other(bias=lambda call: np.zeros_like(call["bias"])),
        "the bias is added along the last axis, not the channels": _bias_along_the_last_axis,
        "the ReLU is left out, or done unasked": other(relu=lambda call: not call["relu"]),
    },
    "add_bias_gradient": {"the ReLU is left out, or done unasked": other(relu=lambda call: not call["relu"])},
    "softmax_cross_entropy": {
        "summed over the batch, not averaged": _loss(lambda call: call["outputs"].shape[0]),
        "averaged over the classes, too": _loss(lambda call: 1 / call["outputs"].shape[1]),
        "label smoothing is ignored": other(label_smoothing=lambda _: 0.0),
    },
    "pack": {
        "values stand in column-major order": lambda _, call: np.concatenate([a.ravel("F") for a in call["arrays"]])
    },
}  # fmt: skip
