"""Random changes of training samples: the same bits for a seed, an epoch and a sample, whoever computes them."""

from cnnkit.data.augmentation.augmentation import Augmentation, ReadingPlan, partners_in_epoch
from cnnkit.data.augmentation.samples import RawSamples, TargetValues
from cnnkit.data.augmentation.text_form import TRANSFORMS, parse, render

__all__ = [
    "TRANSFORMS",
    "Augmentation",
    "RawSamples",
    "ReadingPlan",
    "TargetValues",
    "parse",
    "partners_in_epoch",
    "render",
]
