"""Whether numbers that a network is to approach are such as the loss compares with."""

import numpy as np

from cnnkit.data.dataset import Dataset
from cnnkit.data.targets import NUMBERS, VALUES, Targets
from cnnkit.errors import DataError
from cnnkit.losses import Loss, SeveralLosses
from cnnkit.losses.fitting import name_loss


def require_range(loss: Loss, dataset: Dataset) -> None:
    """Raise DataError where a training target lies outside `target_range` of its loss, which would fall without end.

    Bytes, which become [0, 1], arrays that stay in a file, and samples that are their own targets are not looked at.
    """
    parts = dataset.train.parts
    losses = loss.losses if isinstance(loss, SeveralLosses) else (loss,) * len(parts)
    for one, part in zip(losses, parts * (len(losses) if len(parts) == 1 else 1), strict=True):
        _require(one, part)


def _require(loss: Loss, part: Targets) -> None:
    values, (least, most) = part.values, loss.target_range
    if part.kind not in (NUMBERS, VALUES) or not isinstance(values, np.ndarray) or values.dtype == np.uint8:
        return
    for wrong in (values.min(), values.max()) if values.size else ():
        if not least <= wrong <= most:
            expected = f"targets of {least:g} to {most:g}" if np.isfinite(most) else f"targets >= {least:g}"
            raise DataError(f"{part.at}: loss {name_loss(loss)}: expected {expected}, got {wrong:g}")
