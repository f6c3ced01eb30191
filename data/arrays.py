"""Arrays of a program as a data set, checked like a file."""

from typing import Any

import numpy.typing as npt

from cnnkit.data.assembly import RawSplit, assemble
from cnnkit.data.dataset import Dataset
from cnnkit.data.labels import class_indices
from cnnkit.data.pixels import Images, as_array, as_images
from cnnkit.data.scaling import Scaling

ARRAYS = "arrays"  # what they are called
Pixels = npt.ArrayLike | Images


def from_arrays(
    images: Pixels,
    labels: npt.ArrayLike,
    *,
    test: tuple[Pixels, npt.ArrayLike] | None = None,
    class_names: tuple[str, ...] | None = None,
    image_shape: tuple[int, ...] | None = None,
    scaling: Scaling | None = None,
    name: str = ARRAYS,
) -> Dataset:
    """Return the data set of images (N, H, W), (N, C, H, W) or (N, H, W, C) and their labels.

    labels       whole numbers (N,) or (N, 1) from 0, or one-hot (N, K)
    test         images and labels of a test split
    class_names  by default 0, 1, ... up to the largest label
    image_shape  (C, H, W); samples of exactly this shape are taken as they are: with any number of channels, and rows
                 (F,), signals (C, L) or volumes (C, D, H, W) too
    scaling      to the network's input; by default bytes become [0, 1] and floats stay

    Raises DataError on arrays that do not fit together, NaN, infinity, and labels that are not class numbers.
    """
    train = _prepare(images, labels, "images", "labels", image_shape)
    held_out = None if test is None else _prepare(*test, "test images", "test labels", image_shape)
    return assemble(name, train, held_out, class_names, scaling)


def _prepare(images: Any, labels: Any, images_at: str, labels_at: str, image_shape: tuple[int, ...] | None) -> RawSplit:
    pixels = as_images(images, images_at)
    classes = class_indices(as_array(labels, labels_at), pixels.shape[0] if pixels.shape else 0, labels_at, typed=True)
    return RawSplit(pixels, classes, images_at, labels_at, tuple(pixels.shape[1:]) == image_shape)
