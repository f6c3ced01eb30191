"""From arrays as stored to a Dataset: layout, pixels, targets and splits, checked in one place for all readers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cnnkit.data.dataset import Dataset
from cnnkit.data.layout import arrange_axes
from cnnkit.data.pixels import Images, as_images
from cnnkit.data.refusal import refuse
from cnnkit.data.scaling import Scaling
from cnnkit.data.split import Split
from cnnkit.data.target_reading import read_targets
from cnnkit.data.targets import CLASS, NUMBERS, OF_CLASSES, TAGS, Targets


@dataclass(frozen=True, eq=False)
class RawSplit:
    """Images and targets as stored in a file, and how messages name the two."""

    images: Images  # (N, H, W), (N, C, H, W) or (N, H, W, C), C in {1, 3}
    targets: Any  # as `read_targets` takes them; {name: targets} for several outputs
    images_at: str  # file, with a member where it has several
    targets_at: str
    as_given: bool = False  # as the network takes them: (N, C, H, W) whatever C is, or samples with other axes
    weights: npt.NDArray[Any] | None = None  # (N,), by which samples count


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

    Without `class_names` the classes of labels are 0..K-1, where K is the largest label of any split plus one. Without
    `scaling` it follows from the pixels: see `_scaling`. A split whose labels could be classes, in a file that holds
    numbers in the other split, has numbers too.

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
    splits = _name_outputs(_settle_kinds(splits))
    if class_names is None:
        class_names = _number_classes([split.targets for split in splits])
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
    shape = tuple(images.shape)
    several = isinstance(raw.targets, Mapping)
    named = raw.targets if several else {"": raw.targets}
    parts = {
        name: read_targets(part, shape, f"{raw.targets_at}: {name}" if name else raw.targets_at, typed=False)
        for name, part in named.items()
    }
    return Split(images, parts if several else parts[""], raw.images_at, raw.as_given, raw.weights)


def _settle_kinds(splits: list[Split]) -> list[Split]:
    """Return the splits with labels as numbers where a file holds floats and the other split's are no classes."""
    if any(isinstance(split.targets, Mapping) for split in splits):
        return splits
    kinds = {split.targets.kind for split in splits}
    if kinds != {CLASS, NUMBERS} or not all(s.targets.kind == NUMBERS or s.targets.written_as_floats for s in splits):
        return splits
    return [s if s.targets.kind == NUMBERS else s.with_targets(s.targets.as_numbers()) for s in splits]


def _name_outputs(splits: list[Split]) -> list[Split]:
    """Return the splits with the classes of each of several outputs named."""
    if not all(isinstance(split.targets, Mapping) for split in splits):
        return splits
    names = {
        output: _number_classes([split.targets[output] for split in splits if output in split.targets])
        for output in splits[0].targets
    }
    return [
        split.with_targets(
            {output: part.named(names[output]) if names.get(output) else part for output, part in split.targets.items()}
        )
        for split in splits
    ]


def _number_classes(parts: list[Any]) -> tuple[str, ...]:
    """Return the names of classes that have none: "0", "1", ... up to the largest label; () for other targets."""
    first = parts[0]
    if isinstance(first, Mapping) or first.kind not in OF_CLASSES:
        return ()
    if first.names:
        names: tuple[str, ...] = first.names
        return names
    alike = [part.values for part in parts if isinstance(part, Targets) and part.kind == first.kind]
    count = first.values.shape[1] if first.kind == TAGS else max(int(values.max()) for values in alike) + 1
    return tuple(map(str, range(count)))


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
    layout = "HW" if len(shape) == 3 else "CHW" if shape[1] in {1, 3} else "HWC"
    return arrange_axes(images, layout, raw.images_at)


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
