"""A folder of pictures with one subfolder per class, directly or under train/ and test/, read batch by batch."""

import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cnnkit.data.assembly import RawSplit, assemble
from cnnkit.data.dataset import Dataset
from cnnkit.data.lazy_images import LazyImages
from cnnkit.data.picture import SUFFIXES, picture_shape, read_image
from cnnkit.data.refusal import refuse
from cnnkit.files.names import printable

_LITTER = {"thumbs.db", "desktop.ini"}  # left by file managers


class ImageFiles(LazyImages):
    """Pictures of one size, (N, C, H, W) uint8, decoded when read."""

    def __init__(self, files: list[Path], image_shape: tuple[int, int, int]) -> None:
        super().__init__((len(files), *image_shape), np.uint8)
        self.files, self.image_shape = files, image_shape

    def read(self, indices: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
        """Return the pictures at `indices`, decoded."""
        images = np.empty((len(indices), *self.image_shape), np.uint8)
        for at, index in enumerate(indices):
            images[at] = read_image(self.files[index], self.image_shape)
        return images


def read_image_folder(name: str, folder: Path) -> Dataset:
    """Return the data set of a folder of pictures; classes are the subfolders in natural order (2 before 10).

    The first picture decides between grey and colour, the others are converted; every header is checked now.

    Raises DataError when the classes of the splits differ, a file is not a picture, or sizes differ.
    """
    train = folder / "train" if (folder / "train").is_dir() else folder
    classes = [path.name for path in subfolders(train)]
    if len(classes) < 2:
        got = ", ".join(printable(c, 60) for c in classes) or "none"
        raise refuse(train, "at least two subfolders, one per class", got, "name the folder above the classes")
    splits = [_read_split(train, classes, None)]
    test = folder / "test"
    if train != folder and test.is_dir():
        unknown = [path.name for path in subfolders(test) if path.name not in classes]
        if unknown:
            raise refuse(test, "the classes of train/", f"{printable(unknown[0], 60)!r}, which train/ lacks")
        splits.append(_read_split(test, classes, splits[0].images.shape[1:]))
    return assemble(name, splits[0], splits[1] if len(splits) > 1 else None, tuple(classes))


def subfolders(folder: Path) -> list[Path]:
    """Return the subfolders that do not begin with a dot, in natural order."""
    with os.scandir(folder) as entries:
        folders = [Path(entry.path) for entry in entries if entry.is_dir() and not entry.name.startswith(".")]
    return sorted(folders, key=lambda path: _natural_order(path.name))


def _natural_order(name: str) -> tuple[list[tuple[int, int, str]], str]:
    runs = re.findall(r"[0-9]+|[^0-9]+", name)
    return [(0, int(run), "") if run[0] in "0123456789" else (1, 0, run) for run in runs], name


def _read_split(folder: Path, classes: list[str], shape: tuple[int, ...] | None) -> RawSplit:
    files: list[Path] = []
    labels: list[int] = []
    for label, name in enumerate(classes):
        pictures = _picture_files(folder / name) if (folder / name).is_dir() else []
        files += pictures
        labels += [label] * len(pictures)
    if not files:
        raise refuse(folder, "at least one picture", "none")
    first = picture_shape(files[0])
    c, h, w = first if shape is None else (int(shape[0]), int(shape[1]), int(shape[2]))
    for path in files:
        _, height, width = picture_shape(path)
        if (height, width) != (h, w):
            raise refuse(
                path,
                f"{w} x {h} pixels, as in the first picture",
                f"{width} x {height}",
                "resize the pictures to one size",
            )
    return RawSplit(ImageFiles(files, (c, h, w)), np.array(labels), str(folder), str(folder))


def _picture_files(folder: Path) -> list[Path]:
    paths = []
    with os.scandir(folder) as scanned:
        entries = list(scanned)
    for entry in entries:
        if entry.name.startswith(".") or entry.name.lower() in _LITTER:
            continue
        path = Path(entry.path)
        if not entry.is_file() or path.suffix.lower() not in SUFFIXES:
            raise refuse(
                path, f"a picture ({' '.join(sorted(SUFFIXES))})", "something else", "move it out of the folder"
            )
        paths.append(path)
    return sorted(paths, key=lambda path: _natural_order(path.name))
