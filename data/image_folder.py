"""A folder of pictures with one subfolder per class, directly or under train/ and test/, read batch by batch."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cnnkit.data.assembly import RawSplit, assemble
from cnnkit.data.dataset import Dataset
from cnnkit.data.image_files import open_pictures
from cnnkit.data.picture_files import describe_skipped, list_pictures, subfolders
from cnnkit.data.reading import Reading
from cnnkit.data.refusal import refuse
from cnnkit.files.names import printable


def read_image_folder(name: str, folder: Path, reading: Reading) -> Dataset:
    """Return the data set of a folder of pictures; classes are the subfolders in natural order (2 before 10).

    Every header is checked now.

    Raises DataError when the classes of the splits differ, a class has no picture to train on, a file is not a
    picture, or sizes differ and no size was told.
    """
    train = folder / "train" if (folder / "train").is_dir() else folder
    classes = [path.name for path in subfolders(train)]
    if len(classes) < 2:
        got = ", ".join(printable(c, 60) for c in classes) or "none"
        inner = bool(classes) and bool(subfolders(train / classes[0]))
        hint = f"name {train / classes[0]}, if it holds the classes" if inner else "name the folder above the classes"
        raise refuse(train, "at least two subfolders, one per class", got, printable(hint, 400))
    splits = [_find_pictures(train, classes)]
    _require_pictures(train, classes, splits[0].labels)
    test = folder / "test"
    if train != folder and test.is_dir():
        unknown = [path.name for path in subfolders(test) if path.name not in classes]
        if unknown:
            raise refuse(test, "the classes of train/", f"{printable(unknown[0], 60)!r}, which train/ lacks")
        splits.append(_find_pictures(test, classes))
        if not splits[1].files:
            raise refuse(test, "at least one picture", "none", "add pictures, or remove the folder")
    opened, changes = open_pictures(name, [split.files for split in splits], reading)
    raws = [
        RawSplit(images, np.array(split.labels), str(split.folder), str(split.folder), True)
        for images, split in zip(opened, splits, strict=True)
    ]
    notes = (*describe_unused(folder, train), *describe_skipped(train), *changes)
    return assemble(name, raws[0], raws[1] if len(raws) > 1 else None, tuple(classes), notes=notes)


@dataclass(frozen=True)
class FoundPictures:
    """The pictures of a split in the order of the classes, with the number of the class of each."""

    folder: Path
    files: list[Path]
    labels: list[int]


def _find_pictures(folder: Path, classes: list[str]) -> FoundPictures:
    found = FoundPictures(folder, [], [])
    for label, name in enumerate(classes):
        pictures = list_pictures(folder / name) if (folder / name).is_dir() else []
        found.files.extend(pictures)
        found.labels.extend([label] * len(pictures))
    return found


def _require_pictures(folder: Path, classes: list[str], labels: list[int]) -> None:
    for label in sorted(set(range(len(classes))) - set(labels)):
        hint = "add pictures of this class, or remove the folder"
        raise refuse(folder / classes[label], "at least one picture", "none", hint)


def describe_unused(folder: Path, train: Path) -> list[str]:
    """Return a line on the folders beside train/ that are read by nobody, such as val/."""
    names = [path.name for path in subfolders(folder) if path.name not in ("train", "test")] if train != folder else []
    listed = ", ".join(printable(name, 60) for name in names)
    said = f"not used, only train/ and test/ are: {listed} (rename it to test to test on it)"
    return [f"{printable(str(folder), 400)}: {said}"] if names else []
