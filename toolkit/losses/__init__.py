"""Losses: what training makes small."""

from cnnkit.losses.absolute_error import L1, Huber
from cnnkit.losses.base import Loss
from cnnkit.losses.binary_cross_entropy import BinaryCrossEntropy
from cnnkit.losses.softmax_cross_entropy import SoftmaxCrossEntropy
from cnnkit.losses.squared_error import HalfSquaredError, MeanSquaredError
from cnnkit.plugins import Registry

LOSSES: Registry[Loss] = Registry("loss", "cnnkit.losses", Loss)
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
