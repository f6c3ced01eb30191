"""A folder of pictures with a mask of classes for each: images/ and masks/, directly or under train/ and test/."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cnnkit.data.assembly import RawSplit, assemble
from cnnkit.data.dataset import Dataset
from cnnkit.data.image_files import ImageFiles, open_pictures
from cnnkit.data.image_folder import describe_unused
from cnnkit.data.picture import read_header, read_numbers
from cnnkit.data.picture_files import list_pictures
from cnnkit.data.reading import Reading
from cnnkit.data.refusal import refuse
from cnnkit.data.targets import CLASS_MAP, Targets
from cnnkit.files.names import printable
from cnnkit.files.regular_file import open_regular

IMAGES, MASKS, CLASSES = "images", "masks", "classes.txt"
FREE_BYTES, LARGEST_RATIO = 512 << 20, 400  # of all masks in memory, whatever is stored; above that, to stored bytes
_MOST_TEXT = 1 << 20  # bytes of classes.txt
_BLACK_AND_WHITE = {0, 255}
Numbers = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class FoundMasks:
    """The pictures of a split, and the mask of each, in the same order."""

    folder: Path
    images: list[Path]
    masks: list[Path]


def has_masks(folder: Path) -> bool:
    """Return whether a folder holds pictures with masks, directly or under train/."""
    return any((part / IMAGES).is_dir() and (part / MASKS).is_dir() for part in (folder, folder / "train"))


def read_mask_folder(name: str, folder: Path, reading: Reading) -> Dataset:
    """Return the data set of a folder of pictures with masks, which are paired by their names without suffix.

    Names of the classes are the lines of classes.txt in the folder, else their numbers. Masks of 0 and 255 alone are
    read as classes 0 and 1. Masks are held in memory, and resized as their pictures are, by the nearest pixel.

    Raises DataError on a picture without a mask, a mask without a picture, one of another size, and numbers beyond the
    classes of classes.txt.
    """
    train = folder if (folder / IMAGES).is_dir() else folder / "train"
    test = train.parent / "test" if train != folder else folder / "test"
    splits = [_pair(train)] + ([_pair(test)] if (test / IMAGES).is_dir() and train != folder else [])
    opened, changes = open_pictures(name, [split.images for split in splits], reading)
    for split, images in zip(splits, opened, strict=True):
        _require_affordable(split, images)
    masks = [_read_masks(split, images, reading) for split, images in zip(splits, opened, strict=True)]
    found = sorted({int(number) for numbers in masks for number in np.unique(numbers)})
    notes = [*changes]
    if set(found) == _BLACK_AND_WHITE and reading.ignore is None:
        masks, found = [numbers // np.uint8(255) for numbers in masks], [0, 1]
        notes.append(f"{printable(name, 400)}: masks are of 0 and 255, taken for the classes 0 and 1")
    classes = _read_class_names(folder, train) or tuple(map(str, range(max({*found, 0} - {reading.ignore}) + 1)))
    targets = [_as_targets(split, part, classes, reading) for split, part in zip(splits, masks, strict=True)]
    raws = [
        RawSplit(images, part, str(split.folder / IMAGES), str(split.folder / MASKS), True)
        for split, images, part in zip(splits, opened, targets, strict=True)
    ]
    unused = describe_unused(folder, train) if train != folder else []
    return assemble(name, raws[0], raws[1] if len(raws) > 1 else None, classes, notes=(*unused, *notes))


def _pair(folder: Path) -> FoundMasks:
    for part in (IMAGES, MASKS):
        if not (folder / part).is_dir():
            raise refuse(folder, "the folders images and masks", f"none called {part}")
    images, masks = _by_stem(folder / IMAGES), _by_stem(folder / MASKS)
    if not images:
        raise refuse(folder / IMAGES, "at least one picture", "none")
    for stem, path in images.items():
        if stem not in masks:
            raise refuse(path, f"a mask of this name in {MASKS}/", "none", "add the mask, or remove the picture")
    for stem, path in masks.items():
        if stem not in images:
            raise refuse(path, f"a picture of this name in {IMAGES}/", "none", "add the picture, or remove the mask")
    return FoundMasks(folder, list(images.values()), [masks[stem] for stem in images])


def _by_stem(folder: Path) -> Mapping[str, Path]:
    found: dict[str, Path] = {}
    for path in list_pictures(folder):
        if path.stem in found:
            raise refuse(path, "one file of each name", f"{found[path.stem].name} too")
        found[path.stem] = path
    return found


def _require_affordable(split: FoundMasks, images: ImageFiles) -> None:
    size = len(images) * images.shape[2] * images.shape[3]
    stored = sum(os.path.getsize(path) for path in split.masks)
    if size > max(FREE_BYTES, LARGEST_RATIO * stored):
        got = f"{size} bytes of them from {stored} stored bytes"
        raise refuse(split.folder / MASKS, "masks that memory holds", got, "make them smaller: --resize SIZE")


def _read_masks(split: FoundMasks, images: ImageFiles, reading: Reading) -> Numbers:
    """Return the numbers of all masks (N, H, W), in the size of the pictures."""
    numbers = np.empty((len(split.masks), *images.shape[2:]), np.uint8)
    margin = reading.ignore if reading.ignore is not None and 0 <= reading.ignore <= 255 else 0
    for at, (picture, path) in enumerate(zip(split.images, split.masks, strict=True)):
        _require_size(picture, path)
        mask = read_numbers(path)
        numbers[at] = mask if images.resizing is None else images.resizing.apply(mask, margin)
    return numbers


def _require_size(picture: Path, mask: Path) -> None:
    image, own = read_header(picture), read_header(mask)
    if (own.height, own.width) != (image.height, image.width):
        expected = f"{image.width} x {image.height} pixels, as its picture has"
        raise refuse(mask, expected, f"{own.width} x {own.height}")


def _as_targets(split: FoundMasks, numbers: Numbers, classes: Sequence[str], reading: Reading) -> Targets:
    counted: npt.NDArray[Any] = numbers
    if reading.ignore is not None:
        counted = np.where(numbers == reading.ignore, np.int16(-1), numbers.astype(np.int16))
    beyond = (counted >= len(classes)).reshape(len(counted), -1).any(axis=1)
    if beyond.any():
        at = int(np.argmax(beyond))
        hint = "--ignore 255 leaves such pixels out" if counted[at].max() == 255 else "add the missing names"
        expected = f"class numbers in 0..{len(classes) - 1}, as {CLASSES} has {len(classes)} names"
        raise refuse(split.masks[at], expected, f"{int(counted[at].max())}", hint)
    return Targets(CLASS_MAP, counted, tuple(classes), str(split.folder / MASKS))


def _read_class_names(folder: Path, train: Path) -> tuple[str, ...]:
    """Return the lines of classes.txt, () where there is none. Raises DataError where it cannot be used."""
    path = next((place / CLASSES for place in (folder, train) if (place / CLASSES).is_file()), None)
    if path is None:
        return ()
    with open_regular(path) as file:
        content = file.read(_MOST_TEXT + 1)
    if len(content) > _MOST_TEXT:
        raise refuse(path, f"at most {_MOST_TEXT} bytes", "more")
    try:
        names = tuple(line.strip() for line in content.decode("utf-8-sig").strip().splitlines())
    except UnicodeDecodeError:
        raise refuse(path, "text in UTF-8", "another encoding") from None
    if not all(names) or len(set(names)) < len(names):
        raise refuse(path, "the name of a class in each line, each once", "an empty line or a name twice")
    if not 1 <= len(names) <= 256:
        raise refuse(path, "1 to 256 names of classes", f"{len(names)}")
    return names
