"""From labels as stored or given to class numbers 0..K-1."""

from typing import Any

import numpy as np
import numpy.typing as npt

from cnnkit.data.refusal import refuse

Labels = npt.NDArray[np.int64]
MOST_CLASSES = 100_000  # a stray label of 2**40 must not become a list of 2**40 class names
WORDS_HINT = "number the classes: class_names, labels = numpy.unique(labels, return_inverse=True)"
IGNORED = -1  # a label that counts nowhere
_FLOATS = "labels.astype(int) if they are class numbers"


def class_indices(
    labels: npt.NDArray[Any], images: int, where: str, typed: bool = False, ignored: bool = False
) -> Labels:
    """Return labels (N,) int64 from (N,), (N, 1) or one-hot (N, K) of any number type.

    typed: the labels come from a program, which has integers: floats may be targets, not classes, and are refused
    unless they are one-hot. Files often have no other type, so whole floats count as classes there.
    ignored: whether -1 may stand for a label that counts nowhere.

    Raises DataError when their number is not `images`, and for labels that are not whole, negative or too large.
    """
    if labels.dtype.kind not in "biuf":
        hint = WORDS_HINT if labels.dtype.kind in "USO" else ""
        raise refuse(where, "labels as whole numbers", f"{labels.dtype}{_example(labels)}", hint)
    if labels.ndim == 0 or labels.shape[0] != images:
        raise refuse(where, f"a label for each of the {images} images", f"labels of shape {labels.shape}")
    if labels.ndim == 2 and labels.shape[1] > 1:
        return _from_one_hot(labels, where)
    if labels.size != images:
        raise refuse(where, "labels (N,) or one-hot (N, K)", f"shape {labels.shape}")
    if typed and labels.dtype.kind == "f":
        raise refuse(where, "labels as whole numbers", f"{labels.dtype}{_example(labels)}", _FLOATS)
    flat = labels.reshape(-1)
    whole = np.isfinite(flat) & (flat == np.trunc(flat)) if flat.dtype.kind == "f" else np.ones(len(flat), bool)
    with np.errstate(over="ignore"):  # float16 holds the bound as infinity
        fitting = whole & (flat < MOST_CLASSES) & (flat >= (IGNORED if ignored else 0))
    if not fitting.all():
        at = int(np.argmin(fitting))
        raise refuse(where, f"whole labels in 0..{MOST_CLASSES - 1}", f"{flat[at]} at index {at}")
    return flat.astype(np.int64)


def require_known(labels: Labels, classes: int, where: str) -> None:
    """Raise DataError for a label that is not the number of one of `classes` classes."""
    if labels.size and int(labels.max()) >= classes:
        at = int(np.argmax((labels >= classes).reshape(len(labels), -1).any(axis=1)))
        hint = f"correct the label, or make network and class names for {int(labels.max()) + 1} classes"
        if labels.ndim == 1 and int(labels.min()) == 1 and int(labels.max()) == classes:
            hint = "the labels count from 1: subtract 1 from them"
        raise refuse(
            where, f"labels in 0..{classes - 1} for {classes} classes", f"{labels[at].max()} at index {at}", hint
        )


def _example(labels: npt.NDArray[Any]) -> str:
    return f" such as {labels.flat[0]!r:.40}" if labels.size else ""


def _from_one_hot(labels: npt.NDArray[Any], where: str) -> Labels:
    right = ((labels == 0) | (labels == 1)).all(axis=1) & (np.count_nonzero(labels, axis=1) == 1)
    if not right.all():
        at = int(np.argmin(right))
        raise refuse(
            where, "one-hot rows, a single 1 among zeros", f"another row at index {at}", "give class numbers (N,)"
        )
    classes: Labels = labels.argmax(axis=1).astype(np.int64)
    return classes
