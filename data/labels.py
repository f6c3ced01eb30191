"""From labels as stored to class indices 0..K-1."""

from typing import Any

import numpy as np
import numpy.typing as npt

from cnnkit.data.dataset import Labels
from cnnkit.data.refusal import refuse

MOST_CLASSES = 100_000  # a stray label of 2**40 must not become a list of 2**40 class names


def class_indices(labels: npt.NDArray[Any], images: int, where: str) -> Labels:
    """Return labels (N,) int64 from (N,), (N, 1) or one-hot (N, K) of any number type.

    Raises DataError when their number is not `images`, and for labels that are not whole, negative or too large.
    """
    if labels.dtype.kind not in "biuf":
        raise refuse(where, "labels as whole numbers", f"{labels.dtype}")
    if labels.ndim == 0 or labels.shape[0] != images:
        raise refuse(where, f"a label for each of the {images} images", f"labels of shape {labels.shape}")
    if labels.ndim == 2 and labels.shape[1] > 1:
        return _from_one_hot(labels, where)
    if labels.size != images:
        raise refuse(where, "labels (N,) or one-hot (N, K)", f"shape {labels.shape}")
    flat = labels.reshape(-1)
    whole = np.isfinite(flat) & (flat == np.trunc(flat)) if flat.dtype.kind == "f" else np.ones(len(flat), bool)
    fitting = whole & (flat >= 0) & (flat < MOST_CLASSES)
    if not fitting.all():
        at = int(np.argmin(fitting))
        raise refuse(where, f"whole labels in 0..{MOST_CLASSES - 1}", f"{flat[at]} at index {at}")
    return flat.astype(np.int64)


def _from_one_hot(labels: npt.NDArray[Any], where: str) -> Labels:
    right = ((labels == 0) | (labels == 1)).all(axis=1) & (np.count_nonzero(labels, axis=1) == 1)
    if not right.all():
        at = int(np.argmin(right))
        raise refuse(
            where, "one-hot rows, a single 1 among zeros", f"another row at index {at}", "store class indices (N,)"
        )
    classes: Labels = labels.argmax(axis=1).astype(np.int64)
    return classes
