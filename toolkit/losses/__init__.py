"""Losses: what training makes small."""

from cnnkit.losses.absolute_error import L1, Huber
from cnnkit.losses.base import Loss
from cnnkit.losses.binary_cross_entropy import BinaryCrossEntropy
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
parse, render, register = LOSSES.parse, LOSSES.render, LOSSES.register

__all__ = [
    "L1",
    "LOSSES",
    "BinaryCrossEntropy",
    "HalfSquaredError",
    "Huber",
    "Loss",
    "MeanSquaredError",
    "SoftmaxCrossEntropy",
    "parse",
    "register",
    "render",
]
