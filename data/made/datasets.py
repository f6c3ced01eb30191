"""The made data sets, with a training and a test split that have nothing in common."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from cnnkit.data.assembly import RawSplit, assemble
from cnnkit.data.builtin import digits
from cnnkit.data.dataset import Dataset
from cnnkit.data.made.digit_tasks import add_noise, add_up, compose, tag
from cnnkit.data.made.enlarged_digits import enlarge
from cnnkit.data.made.shapes import SHAPES, make_shapes
from cnnkit.data.made.signals import WAVES, make_signals
from cnnkit.data.targets import CLASS_MAP, NUMBERS, TAGS, VALUES, Targets

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


def noisy_digits() -> Dataset:
    """Return noisy digits (1, 8, 8), where ink is 1, and as targets those without noise; three of each to train on."""
    train, test = (_make_split("noisy-digits", VALUES, add_noise(part.pixels, seed, copies))
                   for seed, copies, part in _list_parts(3, 1))  # fmt: skip
    return assemble("noisy-digits", train, test, licence=digits().licence)


def composed_digits() -> Dataset:
    """Return 1,600 + 400 canvases (1, 25, 25) of one to four digits, and the class of each pixel: background, 0..9."""
    train, test = (_make_split("composed-digits", CLASS_MAP, compose(part.pixels, part.labels, seed, count))
                   for seed, count, part in _list_parts(1600, 400))  # fmt: skip
    source = digits()
    return assemble("composed-digits", train, test, ("background", *source.class_names), source.scaling, source.licence)


def multi_digits() -> Dataset:
    """Return 3,000 + 600 canvases (1, 20, 20) of one to three digits, and of each of the ten whether it is there."""
    train, test = (_make_split("multi-digits", TAGS, tag(part.pixels, part.labels, seed, count))
                   for seed, count, part in _list_parts(3000, 600))  # fmt: skip
    source = digits()
    return assemble("multi-digits", train, test, source.class_names, source.scaling, source.licence)


def digit_sums() -> Dataset:
    """Return 4,000 + 800 rows (1, 8, 24) of two or three digits, and their sums."""
    train, test = (_make_split("digit-sums", NUMBERS, add_up(part.pixels, part.labels, seed, count), ("sum",))
                   for seed, count, part in _list_parts(4000, 800))  # fmt: skip
    source = digits()
    return assemble("digit-sums", train, test, scaling=source.scaling, licence=source.licence)


class _Part(NamedTuple):
    """The digits of a split of `digits`, from which a split is made."""

    pixels: npt.NDArray[np.uint8]  # (N, 1, 8, 8), 0..16
    labels: npt.NDArray[np.int64]


def _list_parts(train: int, test: int) -> Iterator[tuple[int, int, _Part]]:
    """Yield seed, count and digits of the training and of the test split: no digit is in both."""
    source = digits()
    for seed, count, split in ((TRAIN, train, source.train), (TEST, test, source.split("test"))):
        yield seed, count, _Part(np.asarray(split.images), split.labels)


def _make_split(name: str, kind: str, made: tuple[Any, Any], names: tuple[str, ...] = ()) -> RawSplit:
    images, targets = made
    return RawSplit(images, Targets(kind, targets, names, name), name, name)
