"""Reading samples and changing them: what one process does alone, or several for it, with the same bits."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from cnnkit.data.augmentation.augmentation import Augmentation, ReadingPlan
from cnnkit.data.augmentation.draws import Indices
from cnnkit.data.augmentation.samples import RawSamples, TargetValues
from cnnkit.data.dataset import Dataset
from cnnkit.data.split import Split
from cnnkit.data.targets import CLASS, INPUT
from cnnkit.errors import ConfigError


class SamplePart(NamedTuple):
    """Pixels, targets and weights of some samples; None for what is elsewhere, or for none."""

    pixels: npt.NDArray[Any] | None
    targets: tuple[npt.NDArray[Any] | None, ...]
    weights: npt.NDArray[np.float64] | None


@dataclass(frozen=True)
class Preparation:
    """The images of a split, and what changes them.

    images   an array, or a lazy reader
    targets  (kind, values, number of classes) of each output; values an array, a lazy reader, or None for the images
    weights  (N,) where samples are mixed and not all count alike; else None
    white    the raw value of full brightness
    key      two words of 32 bits, made of the seed
    """

    augmentation: Augmentation
    images: Any
    targets: tuple[TargetValues, ...]
    weights: npt.NDArray[np.float64] | None
    white: float
    key: tuple[int, int]

    @classmethod
    def of(
        cls,
        dataset: Dataset,
        split: Split,
        augmentation: Augmentation,
        key: tuple[int, int],
        class_weights: npt.NDArray[np.float64] | None = None,
    ) -> "Preparation":
        """Return the preparation of a split; class_weights: (K,) by which classes count in the loss.

        Raises ConfigError where the augmentation cannot change its samples.
        """
        parts, first = split.parts, split.parts[0]
        shape = tuple(split.images.shape[1:])
        specs = [part.describe(shape) for part in parts]
        augmentation.check(shape, [spec.kind for spec in specs], [spec.shape for spec in specs])
        ignores = [part.kind == CLASS and part.ignores for part in parts]
        if augmentation.mixings and any(ignores) and len(parts) > 1:
            raise ConfigError(
                "augment: expected a class for each sample of several outputs to mix them, got ignored labels (-1): "
                "leave mixup and cutmix out"
            )
        weights = None
        of_classes = first.kind == CLASS and (any(ignores) or class_weights is not None)
        if augmentation.mixings and (split.weights is not None or of_classes):
            weights = np.ones(len(split)) if split.weights is None else split.weights.astype(np.float64)
        if weights is not None and of_classes:
            factors = np.ones(len(first.names)) if class_weights is None else class_weights
            weights = weights * np.append(factors, 0.0)[first.values]  # 0 for -1, the ignored ones
        targets = tuple(TargetValues(part.kind, part.values, len(part.names)) for part in parts)
        return cls(augmentation, split.images, targets, weights, dataset.scaling.white, key)

    def read(self, reading: ReadingPlan) -> RawSamples:
        """Return the samples that a reading names, unchanged. Raises DataError for one that cannot be decoded."""
        return self.assemble(reading.samples, self.read_part(reading.samples))

    def read_part(self, chosen: Indices) -> "SamplePart":
        """Return what this preparation has of some samples: after `split_up` it is a part."""
        pixels = None if self.images is None else np.asarray(self.images[chosen])
        targets = tuple(None if t.values is None else np.asarray(t.values[chosen]) for t in self.targets)
        return SamplePart(pixels, targets, None if self.weights is None else self.weights[chosen])

    def assemble(self, chosen: Indices, *parts: "SamplePart") -> RawSamples:
        """Return samples of parts, each of which has what the others lack."""
        pixels = next(part.pixels for part in parts if part.pixels is not None)
        weights = next((part.weights for part in parts if part.weights is not None), None)
        columns = zip(*(part.targets for part in parts), strict=True)
        values = [next((value for value in column if value is not None), None) for column in columns]
        targets = tuple(replace(t, values=v) for t, v in zip(self.targets, values, strict=True))
        return RawSamples(chosen, pixels, targets, weights, self.white)

    def change(self, samples: RawSamples, reading: ReadingPlan, epoch: int) -> RawSamples:
        """Return the wanted samples of a reading, changed."""
        return self.augmentation.apply(samples, reading, self.key, epoch)

    def split_up(self) -> tuple["Preparation", "Preparation"]:
        """Return what this process reads, of arrays in memory, and what another one reads, from files."""
        here = tuple(replace(t, values=t.values if _in_memory(t.values) else None) for t in self.targets)
        there = tuple(replace(t, values=None if _in_memory(t.values) else t.values) for t in self.targets)
        images = (self.images, None) if _in_memory(self.images) else (None, self.images)
        return (
            replace(self, images=images[0], targets=here),
            replace(self, images=images[1], targets=there, weights=None),
        )


def _in_memory(values: Any) -> bool:
    return values is None or isinstance(values, np.ndarray)


def convert(dataset: Dataset, split: Split, samples: RawSamples, dtype: npt.DTypeLike) -> tuple[npt.NDArray[Any], Any]:
    """Return x and targets as `Dataset.batch` does; labels that were mixed are rows (n, K) in `dtype`."""
    x = dataset.scaling.apply(samples.pixels, dtype)
    targets = []
    for part, target in zip(split.parts, samples.targets, strict=True):
        if part.kind == INPUT:
            targets.append(x if target.values is None else dataset.scaling.apply(target.values, dtype))
        elif part.kind != target.kind:
            targets.append(np.asarray(target.values, dtype))
        else:
            targets.append(part.convert(np.asarray(target.values), x))
    return x, tuple(targets) if isinstance(split.targets, Mapping) else targets[0]
