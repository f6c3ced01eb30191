"""Scores that are not finite, and the tensor that makes them so."""

import numpy as np

from cnnkit.errors import DataError
from cnnkit.network import Network, Values
from cnnkit.training.finite_weights import list_not_finite


def require_finite_scores(model: Network, scores: Values) -> None:
    """Raise DataError where a score (N, K) of the model is NaN or infinite; it names the first such weight."""
    wrong = np.argwhere(~np.isfinite(scores))
    if len(wrong):
        image, column = (int(i) for i in wrong[0])
        score = f"the score of class {column} is {scores[image, column]}"
        raise DataError(f"the network gives no class, {score}: {_cause(model)}")


def require_finite_outputs(model: Network, outputs: Values) -> None:
    """Raise DataError where an output (N, ...) of the model is NaN or infinite; it names the first such weight."""
    finite = np.isfinite(outputs)
    if not finite.all():
        first = outputs[~finite][0]
        raise DataError(f"the network gives no usable output, one is {first}: {_cause(model)}")


def _cause(model: Network) -> str:
    for found in list_not_finite(model.weights):
        return f"{found}: cnnkit inspect lists them; train again"
    return "all weights are finite, but too large for this image: train again with a lower learning rate"
