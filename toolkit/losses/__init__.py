"""Losses: what training makes small."""

from cnnkit.losses.absolute_error import L1, Huber
from cnnkit.losses.base import Loss
from cnnkit.losses.binary_cross_entropy import BinaryCrossEntropy
from cnnkit.losses.probability_cross_entropy import ProbabilityCrossEntropy
from cnnkit.losses.several_losses import (
    SeveralLosses,
    fit_outputs,
    names_outputs,
    parse_several,
    render_several,
)
from cnnkit.losses.softmax_cross_entropy import SoftmaxCrossEntropy
from cnnkit.losses.squared_error import HalfSquaredError, MeanSquaredError
from cnnkit.plugins import Registry

_ELSEWHERE = {  # without underscores
    "mse": "mean_squared_error", "l2": "mean_squared_error", "squarederror": "mean_squared_error", "mae": "l1",
    "meanabsoluteerror": "l1", "absoluteerror": "l1", "smoothl1": "huber", "bce": "binary_cross_entropy",
    "bcewithlogits": "binary_cross_entropy", "binarycrossentropy": "binary_cross_entropy",
    "logistic": "binary_cross_entropy", "ce": "softmax_cross_entropy", "xent": "softmax_cross_entropy",
    "crossentropy": "softmax_cross_entropy", "nll": "softmax_cross_entropy", "logloss": "softmax_cross_entropy",
    "categoricalcrossentropy": "softmax_cross_entropy", "sparsecategoricalcrossentropy": "softmax_cross_entropy",
}  # fmt: skip
LOSSES: Registry[Loss] = Registry("loss", "cnnkit.losses", Loss, _ELSEWHERE)
register = LOSSES.register


def parse(value: str | Loss) -> Loss:
    """Return the loss that a text describes, or `value` itself if it is one. Raises ConfigError.

    "main=softmax_cross_entropy;aux=0.3*huber" gives each output of a network a loss, and a weight.
    """
    return (
        parse_several(value, LOSSES.parse) if isinstance(value, str) and names_outputs(value) else LOSSES.parse(value)
    )


def render(value: Loss) -> str:
    """Return the text that `parse` reads back. Raises ConfigError where text cannot hold all that the loss is."""
    return render_several(value, LOSSES.render) if isinstance(value, SeveralLosses) else LOSSES.render(value)


__all__ = [
    "L1",
    "LOSSES",
    "BinaryCrossEntropy",
    "HalfSquaredError",
    "Huber",
    "Loss",
    "MeanSquaredError",
    "ProbabilityCrossEntropy",
    "SeveralLosses",
    "SoftmaxCrossEntropy",
    "fit_outputs",
    "parse",
    "register",
    "render",
]
