"""The made data sets, with a training and a test split that have nothing in common."""

import numpy as np

from cnnkit.data.assembly import RawSplit, assemble
from cnnkit.data.builtin import digits
from cnnkit.data.dataset import Dataset
from cnnkit.data.made.enlarged_digits import enlarge
from cnnkit.data.made.shapes import SHAPES, make_shapes
from cnnkit.data.made.signals import WAVES, make_signals

TRAIN, TEST = 0, 1  # seeds


def signals() -> Dataset:
    """Return 2,400 + 600 signals (1, 96) of eight shapes: sine, square, chirp and others."""
    train, test = (RawSplit(*made, "signals", "signals", as_given=True)
                   for made in (make_signals(TRAIN, 2400), make_signals(TEST, 600)))  # fmt: skip
    return assemble("signals", train, test, WAVES)


def shapes_32() -> Dataset:
    """Return 4,000 + 1,000 colour pictures (3, 32, 32) of ten shapes, 0..255."""
    train, test = (RawSplit(*made, "shapes-32", "shapes-32")
                   for made in (make_shapes(TRAIN, 4000), make_shapes(TEST, 1000)))  # fmt: skip
    return assemble("shapes-32", train, test, SHAPES)


def digits_28() -> Dataset:
    """Return `digits` as images (1, 28, 28), 0..255, as MNIST has them; the splits are those of `digits`."""
    small = digits()
    train, test = (RawSplit(enlarge(np.asarray(part.images)), part.labels, "digits-28", "digits-28")
                   for part in (small.train, small.split("test")))  # fmt: skip
    return assemble("digits-28", train, test, small.class_names, licence=small.licence)
