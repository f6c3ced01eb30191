"""What counts as a decision of a network, and as a right one: of classes, of several labels, of maps of classes."""

from typing import Any

import numpy as np
import numpy.typing as npt

from cnnkit.backends.protocol import Array, Backend
from cnnkit.data.dataset import Dataset
from cnnkit.data.split import Split
from cnnkit.data.targets import CLASS, CLASS_MAP, TAGS
from cnnkit.losses import Loss, external_loss

_DECIDED = (CLASS, TAGS, CLASS_MAP)


def list_decisions(split: Split) -> npt.NDArray[np.int64]:
    """Return how many decisions each sample asks for (N,): 1 of a class, K of tags, H * W of a map; of numbers none.

    Of several outputs the first one counts. Labels of -1 are not counted.
    """
    part = split.parts[0]
    if part.kind not in _DECIDED:
        return np.zeros(len(split), np.int64)
    if part.kind == TAGS:
        return np.full(len(split), part.values.shape[1], np.int64)
    known = part.values >= 0
    counts: npt.NDArray[np.int64] = known.reshape(len(split), -1).sum(axis=1)
    return counts


def name_kind(dataset: Dataset) -> str:
    """Return the kind of the targets that decide: those of the first output."""
    return dataset.train.parts[0].kind


def count_right(loss: Loss, backend: Backend, outputs: Any, targets: Any, kind: str) -> Array:
    """Return the number of right decisions, 0-d; 0 for numbers and arrays, which decide nothing."""
    if kind not in _DECIDED or not loss.decides:
        first = outputs[0] if isinstance(outputs, tuple) else outputs
        return backend.sum(first[:1] * 0)
    wanted = targets[0] if isinstance(targets, tuple) else targets
    if kind == TAGS:
        scores = keep_yes(external_loss.probabilities(loss, backend, outputs), wanted.shape[1])
        return backend.sum((scores >= 0.5) == (wanted >= 0.5))
    decided = external_loss.decide(loss, backend, outputs)
    if wanted.ndim == decided.ndim:
        return backend.sum(decided == wanted)
    right = decided == backend.argmax(wanted, axis=1)
    return backend.sum(right * (backend.max(wanted, axis=1) > 0))  # a row of zeros is a label that does not count


def keep_yes(scores: Any, columns: int) -> Any:
    """Return scores (N, K, ...) with as many columns as there are targets: of one binary decision that of yes."""
    return scores[:, 1:] if scores.shape[1] > columns else scores
