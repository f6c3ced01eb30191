"""From arrays as stored to a Dataset: layout, pixels, labels and splits, checked in one place for all readers."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cnnkit.data.dataset import Dataset, Split
from cnnkit.data.labels import class_indices
from cnnkit.data.lazy_images import ChannelsFirst, LazyImages
from cnnkit.data.pixels import Images, as_images
from cnnkit.data.refusal import refuse
from cnnkit.data.scaling import Scaling


@dataclass(frozen=True, eq=False)
class RawSplit:
    """Images and labels as stored in a file, and how messages name the two."""

    images: Images  # (N, H, W), (N, C, H, W) or (N, H, W, C), C in {1, 3}
    labels: npt.NDArray[Any]  # (N,), (N, 1) or one-hot (N, K)
    images_at: str  # file, with a member where it has several
    labels_at: str
    as_given: bool = False  # as the network takes them: (N, C, H, W) whatever C is, or samples with other axes


def assemble(
    name: str,
    train: RawSplit,
    test: RawSplit | None = None,
    class_names: tuple[str, ...] | None = None,
    scaling: Scaling | None = None,
    licence: str | None = None,
    notes: tuple[str, ...] = (),
) -> Dataset:
    """Return the data set with these splits.

    Without `class_names` the classes are 0..K-1, where K is the largest label of any split plus one. Without `scaling`
    it follows from the pixels: see `_scaling`.

    Raises DataError on layouts, pixels, labels or splits that do not fit.
    """
    raws = [raw for raw in (train, test) if raw is not None]
    splits = [_make_split(raw) for raw in raws]
    for raw, split in zip(raws, splits, strict=True):
        if split.images.shape[1:] != splits[0].images.shape[1:]:
            expected = f"test images of the training images' shape {splits[0].images.shape[1:]}"
            raise refuse(raw.images_at, expected, f"{split.images.shape[1:]}")
    scalings = [_scaling(split, raw.images_at) for raw, split in zip(raws, splits, strict=True)]
    if scaling is None and scalings[0] != scalings[-1]:
        got = f"{splits[0].images.dtype} and {splits[-1].images.dtype} of another range"
        raise refuse(raws[-1].images_at, "test pixels of the same kind as the training pixels", got)
    if class_names is None:
        class_names = tuple(str(k) for k in range(max(int(split.labels.max()) for split in splits) + 1))
    return Dataset(
        name,
        splits[0],
        splits[1] if test is not None else None,
        class_names,
        tuple(splits[0].images.shape[1:]),
        scaling or scalings[0],
        licence,
        notes,
    )


def _make_split(raw: RawSplit) -> Split:
    images = channels_first(raw)
    labels = class_indices(raw.labels, images.shape[0], raw.labels_at)
    floats = raw.labels.dtype.kind == "f" and raw.labels.size == len(labels)
    return Split(images, labels, raw.images_at, raw.labels_at, floats, raw.as_given)


def channels_first(raw: RawSplit) -> Images:
    """Return the images as (N, C, H, W), a view or a lazy reader; (N, 3, H, 3) is read as channels first."""
    images, shape = as_images(raw.images, raw.images_at), tuple(raw.images.shape)
    if raw.as_given:
        return images
    if len(shape) not in {3, 4} or (len(shape) == 4 and shape[1] not in {1, 3} and shape[3] not in {1, 3}):
        hint = "reshape the rows into images: images.reshape(-1, height, width)" if len(shape) == 2 else ""
        raise refuse(raw.images_at, "images (N, H, W), (N, C, H, W) or (N, H, W, C) with C 1 or 3", str(shape), hint)
    if 0 in shape:
        raise refuse(raw.images_at, "at least one image of at least one pixel", f"shape {shape}")
    if len(shape) == 4 and shape[1] in {1, 3}:
        return images
    if isinstance(images, LazyImages):
        return ChannelsFirst(images)
    array = np.asarray(images)
    return array[:, None] if array.ndim == 3 else array.transpose(0, 3, 1, 2)


def _scaling(split: Split, where: str) -> Scaling:
    """Return the scaling to [0, 1]: 1/255 for integers in 0..255, 1/65535 for larger uint16, none for other types.

    Floating-point pixels are not scaled, whatever their range. One pass, one chunk at a time; uint8 needs no pass.
    """
    dtype = split.images.dtype
    if dtype == np.uint8:
        return Scaling(0.0, 1 / 255)
    if dtype.kind in "bf":
        return Scaling()
    extremes = [(int(chunk.min()), int(chunk.max())) for chunk in split.chunks()]
    low, high = min(low for low, _ in extremes), max(high for _, high in extremes)
    if 0 <= low <= high <= 255:
        return Scaling(0.0, 1 / 255)
    if dtype == np.uint16:
        return Scaling(0.0, 1 / 65535)
    raise refuse(where, "integer pixels in 0..255", f"{low}..{high}", "store them as uint8, uint16 or scaled floats")
