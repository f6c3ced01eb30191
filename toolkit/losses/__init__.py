"""Losses: what training makes small."""

from cnnkit import specs
from cnnkit.losses.absolute_error import L1, Huber
from cnnkit.losses.base import Loss
from cnnkit.losses.binary_cross_entropy import BinaryCrossEntropy
from cnnkit.losses.softmax_cross_entropy import SoftmaxCrossEntropy
from cnnkit.losses.squared_error import HalfSquaredError, MeanSquaredError

LOSSES: dict[str, type[Loss]] = {
    "softmax_cross_entropy": SoftmaxCrossEntropy,
    "binary_cross_entropy": BinaryCrossEntropy,
    "mean_squared_error": MeanSquaredError,
    "half_squared_error": HalfSquaredError,
    "l1": L1,
    "huber": Huber,
}


def parse(text: str) -> Loss:
    """Return the loss that `NAME:key=value,...` names. Raises ConfigError."""
    return specs.parse("loss", text, LOSSES)


def render(loss: Loss) -> str:
    """Return the text that `parse` reads back."""
    return specs.render(loss, LOSSES)


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
    "render",
]
