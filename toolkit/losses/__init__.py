"""Losses: what training makes small."""

from cnnkit.losses.absolute_error import L1, Huber
from cnnkit.losses.base import Loss
from cnnkit.losses.binary_cross_entropy import BinaryCrossEntropy
from cnnkit.losses.cosine_distance import CosineDistance
from cnnkit.losses.dice import Dice
from cnnkit.losses.divergence import KLDivergence, NegativeLogLikelihood
from cnnkit.losses.fitting import USUAL, TargetDescription
from cnnkit.losses.focal import BinaryFocal, Focal
from cnnkit.losses.hinge import BinaryHinge, Hinge
from cnnkit.losses.poisson import Poisson
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
from cnnkit.losses.triplet import Triplet
from cnnkit.plugins import Registry

_ELSEWHERE = {  # without underscores
    "mse": "mean_squared_error", "l2": "mean_squared_error", "squarederror": "mean_squared_error", "mae": "l1",
    "meanabsoluteerror": "l1", "absoluteerror": "l1", "smoothl1": "huber", "bce": "binary_cross_entropy",
    "bcewithlogits": "binary_cross_entropy", "binarycrossentropy": "binary_cross_entropy",
    "logistic": "binary_cross_entropy", "ce": "softmax_cross_entropy", "xent": "softmax_cross_entropy",
    "crossentropy": "softmax_cross_entropy", "nll": "negative_log_likelihood", "logloss": "softmax_cross_entropy",
    "categoricalcrossentropy": "softmax_cross_entropy", "sparsecategoricalcrossentropy": "softmax_cross_entropy",
    "kl": "kl_divergence", "kldiv": "kl_divergence", "kldivergence": "kl_divergence", "multimargin": "hinge",
    "multiclasshinge": "hinge", "svm": "hinge", "poissonnll": "poisson", "cosine": "cosine_distance",
    "cosinesimilarity": "cosine_distance", "cosineembedding": "cosine_distance", "tripletmargin": "triplet",
    "sigmoidfocal": "binary_focal", "binaryfocalcrossentropy": "binary_focal", "jaccard": "dice",
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
    "USUAL",
    "BinaryCrossEntropy",
    "BinaryFocal",
    "BinaryHinge",
    "CosineDistance",
    "Dice",
    "Focal",
    "HalfSquaredError",
    "Hinge",
    "Huber",
    "KLDivergence",
    "Loss",
    "MeanSquaredError",
    "NegativeLogLikelihood",
    "Poisson",
    "ProbabilityCrossEntropy",
    "SeveralLosses",
    "SoftmaxCrossEntropy",
    "TargetDescription",
    "Triplet",
    "fit_outputs",
    "parse",
    "register",
    "render",
]
