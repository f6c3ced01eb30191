"""Samples on their way through an augmentation: pixels, targets and weights of the same samples."""

from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from cnnkit.data.augmentation.draws import Indices

CLASS, TAGS, NUMBERS, CLASS_MAP, VALUES, INPUT = "class", "tags", "numbers", "class_map", "values", "input"
Values = npt.NDArray[Any]


@dataclass(frozen=True)
class TargetValues:
    """The targets of some samples for one output.

    kind     as of the data set's targets; class labels that were mixed are of kind "tags": rows (n, K) of shares
    values   (n, ...) as stored; of kind "input" None while it is the pixels themselves
    classes  K, the number of classes of kind "class"
    """

    kind: str
    values: Values | None
    classes: int = 0

    def take(self, chosen: Any) -> Self:
        """Return the targets of some of the samples: an index array or a slice."""
        return self if self.values is None else replace(self, values=self.values[chosen])


@dataclass(frozen=True)
class RawSamples:
    """Some samples, as they are stored: nothing is scaled yet.

    indices  (n,) in their data set: the address of what is drawn for each
    pixels   (n, C, *S); rows (n, F) count as (n, 1, F)
    targets  one for each output
    weights  (n,) float64 >= 0, or None
    white    the raw value of full brightness
    """

    indices: Indices
    pixels: Values
    targets: tuple[TargetValues, ...]
    weights: npt.NDArray[np.float64] | None = None
    white: float = 1.0

    def __len__(self) -> int:
        return len(self.indices)

    def take(self, chosen: Any) -> Self:
        """Return some of the samples: an index array or a slice."""
        weights = None if self.weights is None else self.weights[chosen]
        targets = tuple(target.take(chosen) for target in self.targets)
        return replace(self, indices=self.indices[chosen], pixels=self.pixels[chosen], targets=targets, weights=weights)
