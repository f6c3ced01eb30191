"""How much each sample, or place of a map, counts in the loss: its own weight times that of its class."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from cnnkit.class_weights import ClassWeights, parse_class_weights
from cnnkit.data.dataset import Dataset
from cnnkit.data.split import Split
from cnnkit.data.targets import CLASS, CLASS_MAP
from cnnkit.errors import ConfigError
from cnnkit.files.names import printable

Numbers = npt.NDArray[np.float64]


def weigh_classes(given: ClassWeights, dataset: Dataset, chosen: npt.NDArray[np.int64]) -> Numbers | None:
    """Return the weight of each class (K,) by its number; a class that is not named has 1; None where all count alike.

    "balanced": samples / (classes * samples of the class) of those that are trained on, as scikit-learn's
    compute_class_weight; of maps the places are counted.

    Raises ConfigError for a class that the data do not have, and for targets that are no classes.
    """
    parsed = parse_class_weights(given)
    if parsed is None:
        return None
    if isinstance(dataset.train.targets, Mapping):
        problem = "class_weights: expected the classes of one output, got targets of several outputs"
        raise ConfigError(f"{problem}: leave it out; weights of samples count in each of them")
    part, names = dataset.train.parts[0], dataset.class_names
    if part.kind not in (CLASS, CLASS_MAP) or not names:
        got = part.describe(dataset.image_shape)
        raise ConfigError(f"class_weights: expected data with class labels or maps of classes, got {got}")
    if isinstance(parsed, str):
        labels = part.values[chosen]
        counts = np.bincount(labels[labels >= 0].ravel(), minlength=len(names)).astype(np.float64)
        weights: Numbers = counts.sum() / (len(names) * np.maximum(counts, 1))
        return weights
    for name in parsed:
        if name not in names:
            known = printable(", ".join(names), 200)
            raise ConfigError(f"class_weights: expected classes of {known}, got {printable(name, 60)}")
    return np.array([parsed.get(name, 1.0) for name in names])


def weigh_samples(
    split: Split, class_weights: Numbers | None, indices: npt.NDArray[np.int64]
) -> tuple[Numbers | None, float]:
    """Return (weights, share) of the samples at `indices` (n,).

    weights  (n,), or (n, H, W) for maps with class weights, with a mean of 1 over all that is not ignored, as losses
             take them; None where all count alike
    share    their sum before that, per place: what the samples count in a mean over several batches
    """
    part, given = split.parts[0], None if split.weights is None else split.weights[indices]
    labels = None if class_weights is None and not part.ignores else part.values[indices]
    return weigh_labels(labels, given, class_weights, len(indices))


def weigh_labels(
    labels: npt.NDArray[Any] | None, given: Numbers | None, class_weights: Numbers | None, samples: int
) -> tuple[Numbers | None, float]:
    """Return what `weigh_samples` does, for labels (n,) or (n, H, W), None where none matters, and weights (n,)."""
    if labels is None:
        if given is None:
            return None, float(samples)
        return given / (given.mean() or 1.0), float(given.sum())
    weights = np.where(labels < 0, 0.0, 1.0) if class_weights is None else np.append(class_weights, 0.0)[labels]
    if given is not None:
        weights = weights * given.reshape(-1, *(1 for _ in labels.shape[1:]))
    counted, places = np.count_nonzero(labels >= 0), labels[0].size
    share = float(weights.sum() / places)
    if class_weights is None and given is None:
        return None, share
    mean = (weights.sum() / max(1, counted)) or 1.0
    # Only the labels' own loss leaves out what they ignore: other outputs' losses count those samples all the same.
    return (given if class_weights is None and given is not None else weights) / mean, share
