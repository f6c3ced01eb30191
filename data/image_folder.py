"""A folder of pictures with one subfolder per class, directly or under train/ and test/, read batch by batch."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cnnkit.data.assembly import RawSplit, assemble
from cnnkit.data.dataset import Dataset
from cnnkit.data.lazy_images import LazyImages
from cnnkit.data.picture import SUFFIXES, PictureHeader, read_header, read_image
from cnnkit.data.refusal import refuse
from cnnkit.files.names import printable
from cnnkit.files.natural_order import natural_key

_LITTER = {"thumbs.db", "desktop.ini"}  # left by file managers
_OTHER_PICTURES = {".tif", ".tiff", ".heic", ".heif", ".avif", ".jp2", ".tga", ".svg"}
_NO_CLASSES = {  # left by archivers, file managers, servers and Python
    "__macosx", "@eadir", "#recycle", "$recycle.bin", "system volume information", "lost+found", "__pycache__",
}  # fmt: skip


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

    Raises DataError when the classes of the splits differ, a class has no picture to train on, a file is not a
    picture, or sizes differ.
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
    headers = [[read_header(path) for path in split.files] for split in splits]
    first = headers[0][0]
    for split, read in zip(splits, headers, strict=True):
        _require_one_size(split.files, read, first)
    raws = [split.as_raw((first.channels, first.height, first.width)) for split in splits]
    notes = (
        *_describe_unused(folder, train),
        *_describe_skipped(train),
        *_describe_changes(name, [h for read in headers for h in read]),
    )
    return assemble(name, raws[0], raws[1] if len(raws) > 1 else None, tuple(classes), notes=notes)


def subfolders(folder: Path) -> list[Path]:
    """Return the subfolders that can be classes, in natural order: no hidden ones, nothing that a program left."""
    return sorted((path for path in _folders(folder) if _can_be_class(path.name)), key=_order)


def _folders(folder: Path) -> list[Path]:
    with os.scandir(folder) as entries:
        return [Path(entry.path) for entry in entries if entry.is_dir()]


def _can_be_class(name: str) -> bool:
    return not name.startswith(".") and name.lower() not in _NO_CLASSES


def _order(path: Path) -> tuple[Any, str]:
    return natural_key(path.name), path.name


@dataclass(frozen=True)
class FoundPictures:
    """The pictures of a split in the order of the classes, with the number of the class of each."""

    folder: Path
    files: list[Path]
    labels: list[int]

    def as_raw(self, shape: tuple[int, int, int]) -> RawSplit:
        """Return the pictures, to be decoded when they are read."""
        return RawSplit(ImageFiles(self.files, shape), np.array(self.labels), str(self.folder), str(self.folder), True)


def _find_pictures(folder: Path, classes: list[str]) -> FoundPictures:
    found = FoundPictures(folder, [], [])
    for label, name in enumerate(classes):
        pictures = _picture_files(folder / name) if (folder / name).is_dir() else []
        found.files.extend(pictures)
        found.labels.extend([label] * len(pictures))
    return found


def _require_pictures(folder: Path, classes: list[str], labels: list[int]) -> None:
    for label in sorted(set(range(len(classes))) - set(labels)):
        hint = "add pictures of this class, or remove the folder"
        raise refuse(folder / classes[label], "at least one picture", "none", hint)


def _require_one_size(files: list[Path], headers: list[PictureHeader], first: PictureHeader) -> None:
    size = f"{first.width} x {first.height}"
    for path, header in zip(files, headers, strict=True):
        if (header.height, header.width) != (first.height, first.width):
            hint = (
                f"resize the pictures to one size (ImageMagick: magick mogrify -resize {size.replace(' ', '')}! FILES)"
            )
            raise refuse(path, f"{size} pixels, as in the first picture", f"{header.width} x {header.height}", hint)


def _describe_unused(folder: Path, train: Path) -> list[str]:
    """Return a line on the folders beside train/ that are read by nobody, such as val/."""
    names = [path.name for path in subfolders(folder) if path.name not in ("train", "test")] if train != folder else []
    listed = ", ".join(printable(name, 60) for name in names)
    said = f"not used, only train/ and test/ are: {listed} (rename it to test to test on it)"
    return [f"{printable(str(folder), 400)}: {said}"] if names else []


def _describe_skipped(folder: Path) -> list[str]:
    names = [printable(path.name, 60) for path in _folders(folder) if not _can_be_class(path.name)]
    return [f"{printable(str(folder), 400)}: not a class: {', '.join(sorted(names))}"] if names else []


def _describe_changes(name: str, headers: list[PictureHeader]) -> list[str]:
    """Return a line for each kind of change that reading makes to some of the pictures."""
    changed = {
        "with transparency: put on a white background": sum(header.transparent for header in headers),
        "turned upright as their EXIF data say": sum(header.turned for header in headers),
        "with 16 bits per channel: the upper 8 are read": sum(header.deep for header in headers),
        "in colour made grey, as the first one is": sum(h.channels > headers[0].channels for h in headers),
        "in grey made colour, as the first one is": sum(h.channels < headers[0].channels for h in headers),
    }
    shown = printable(name, 400)
    return [f"{shown}: {count:,} of {len(headers):,} pictures {what}" for what, count in changed.items() if count]


def _picture_files(folder: Path) -> list[Path]:
    paths = []
    with os.scandir(folder) as scanned:
        entries = list(scanned)
    for entry in entries:
        if entry.name.startswith(".") or entry.name.lower() in _LITTER:
            continue
        path = Path(entry.path)
        if not entry.is_file() or path.suffix.lower() not in SUFFIXES:
            got, hint = "something else", "move it out of the folder"
            if path.suffix.lower() in _OTHER_PICTURES:
                hint = f"convert it to PNG (ImageMagick: magick mogrify -format png *{path.suffix.lower()})"
            if entry.is_dir():
                if not _can_be_class(entry.name):
                    continue
                got, hint = "a folder", "one folder per class, directly or under train/ and test/: move it there"
            raise refuse(path, f"a picture ({' '.join(sorted(SUFFIXES))})", got, hint)
        paths.append(path)
    return sorted(paths, key=_order)
