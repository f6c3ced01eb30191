"""What losses of mutually exclusive classes share: outputs (N, K, ...) have a score for each class along axis 1."""

from dataclasses import dataclass
from typing import ClassVar

from cnnkit.losses.smoothing import SmoothedLoss

CLASSES: tuple[str, ...] = ("class", "class_map")


@dataclass(frozen=True)
class ClassesLoss(SmoothedLoss):
    """Base of losses of classes of which one is right; targets are labels, or shares (N, K, ...) that sum to 1."""

    kinds: ClassVar[tuple[str, ...]] = CLASSES
