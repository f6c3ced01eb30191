"""Arrays of a program as a data set, checked like a file."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from cnnkit.data.assembly import RawSplit, assemble
from cnnkit.data.dataset import Dataset
from cnnkit.data.pixels import Images, as_images
from cnnkit.data.scaling import Scaling
from cnnkit.data.target_reading import read_targets
from cnnkit.data.targets import OF_CLASSES, Targets

ARRAYS = "arrays"  # what they are called
Pixels = npt.ArrayLike | Images
Wanted = npt.ArrayLike | Images | Targets | str  # what a network is trained to
Given = Wanted | Mapping[str, Wanted]


def from_arrays(
    images: Pixels,
    labels: Given,
    *,
    test: tuple[Pixels, Given] | None = None,
    class_names: tuple[str, ...] | None = None,
    image_shape: tuple[int, ...] | None = None,
    scaling: Scaling | None = None,
    weights: npt.ArrayLike | None = None,
    kind: str | None = None,
    ignore: int | None = None,
    name: str = ARRAYS,
) -> Dataset:
    """Return the data set of images (N, H, W), (N, C, H, W) or (N, H, W, C) and their labels or other targets.

    labels       classes as whole numbers (N,) or (N, 1) from 0, or one-hot (N, K); several labels (N, K) of 0 and 1;
                 numbers as floats (N,) or (N, F); classes of each place as whole numbers (N, H, W); arrays (N, ...)
                 such as images; "input" where a network is to give its input back; for several outputs of a network
                 {name of the output: targets}
    test         images and targets of a test split
    class_names  by default 0, 1, ... up to the largest label
    image_shape  (C, H, W); samples of exactly this shape are taken as they are: with any number of channels, and rows
                 (F,), signals (C, L) or volumes (C, D, H, W) too
    scaling      to the network's input; by default bytes become [0, 1] and floats stay
    weights      (N,) by which the training images count in the loss, numbers >= 0
    kind         of the targets, where it must not follow from type and shape: "class", "tags", "numbers", "class_map",
                 "values" or "input"
    ignore       the class number that counts nowhere: in no loss, gradient or measure

    Raises DataError on arrays that do not fit together, NaN, infinity, and labels that are not class numbers.
    """

    def prepare(images: Any, targets: Any, images_at: str, at: str) -> RawSplit:
        pixels = as_images(images, images_at)
        as_given = tuple(pixels.shape[1:]) == image_shape
        shape = _shape_as_read(tuple(pixels.shape), as_given)

        def read(given: Any, where: str) -> Targets:
            return read_targets(given, shape, where, kind=kind, ignore=ignore)

        several = isinstance(targets, Mapping)
        made = {key: read(part, f"{at} {key}") for key, part in targets.items()} if several else read(targets, at)
        return RawSplit(pixels, made, images_at, at, as_given)

    train = prepare(images, labels, "images", "labels")
    held_out = None if test is None else prepare(*test, "test images", "test labels")
    train = replace(train, weights=None if weights is None else np.asarray(weights))
    of_classes = isinstance(train.targets, Targets) and train.targets.kind in OF_CLASSES
    return assemble(name, train, held_out, class_names if of_classes else None, scaling)


def _shape_as_read(shape: tuple[int, ...], as_given: bool) -> tuple[int, ...]:
    """Return the shape with the channels first that `assemble` gives images."""
    if as_given or len(shape) not in {3, 4}:
        return shape or (0,)
    if len(shape) == 3:
        return (shape[0], 1, *shape[1:])
    return shape if shape[1] in {1, 3} else (shape[0], shape[3], *shape[1:3])
