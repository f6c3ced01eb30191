"""Pictures of a list of files as images of one size, decoded when they are read, and what reading changes of them."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cnnkit.data.lazy_images import LazyImages
from cnnkit.data.picture import PictureHeader, read_header, read_image, read_resized
from cnnkit.data.reading import Reading
from cnnkit.data.refusal import refuse
from cnnkit.data.resizing import Resizing
from cnnkit.files.names import printable

Shape3 = tuple[int, int, int]


class ImageFiles(LazyImages):
    """Pictures (N, C, H, W) uint8, decoded when read; with a resizing they may be of any size."""

    def __init__(self, files: Sequence[Path], image_shape: Shape3, resizing: Resizing | None = None) -> None:
        super().__init__((len(files), *image_shape), np.uint8)
        self.files, self.image_shape, self.resizing = tuple(files), image_shape, resizing

    def read(self, indices: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
        """Return the pictures at `indices`, decoded."""
        images = np.empty((len(indices), *self.image_shape), np.uint8)
        for at, index in enumerate(indices):
            images[at] = self._read_one(self.files[index])
        return images

    def _read_one(self, path: Path) -> npt.NDArray[np.uint8]:
        if self.resizing is None:
            return read_image(path, self.image_shape)
        return read_resized(path, self.image_shape[0], self.resizing)


def open_pictures(name: str, splits: Sequence[Sequence[Path]], reading: Reading) -> tuple[list[ImageFiles], list[str]]:
    """Return the images of each split, and a line for each kind of change that reading makes; headers are read now.

    Grey or colour is what the network takes, else what the first picture is; the others are converted.

    Raises DataError where a file is not a picture, and where sizes differ and `reading` has none to bring them to.
    """
    headers = [[read_header(path) for path in files] for files in splits]
    every = [header for split in headers for header in split]
    first = every[0]
    channels, resizing = reading.channels or first.channels, reading.resize
    height, width = (resizing.height, resizing.width) if resizing is not None else (first.height, first.width)
    if resizing is None:
        for files, read in zip(splits, headers, strict=True):
            _require_one_size(files, read, first)
    opened = [ImageFiles(files, (channels, height, width), resizing) for files in splits]
    return opened, [
        *_describe_sizes(name, every, resizing),
        *_describe_changes(name, every, channels, reading.channels is None),
    ]


def _require_one_size(files: Iterable[Path], headers: Iterable[PictureHeader], first: PictureHeader) -> None:
    size = f"{first.width} x {first.height}"
    for path, header in zip(files, headers, strict=True):
        if (header.height, header.width) != (first.height, first.width):
            hint = f"--resize {size.replace(' ', '')} brings all to one size, --fit crop, pad or stretch says how"
            raise refuse(path, f"{size} pixels, as in the first picture", f"{header.width} x {header.height}", hint)


def _describe_sizes(name: str, headers: list[PictureHeader], resizing: Resizing | None) -> list[str]:
    if resizing is None:
        return []
    wanted = resizing.height, resizing.width
    others = [(h.height, h.width) for h in headers if (h.height, h.width) != wanted]
    if not others:
        return []
    heights, widths = zip(*others, strict=True)
    sizes = f"{_range(widths)} x {_range(heights)}"
    enlarged = sum(height < wanted[0] and width < wanted[1] for height, width in others)
    more = f", {enlarged:,} of them enlarged" if enlarged else ""
    return [
        f"{printable(name, 400)}: {len(others):,} of {len(headers):,} pictures of {sizes} pixels resized to "
        f"{resizing}{more}"
    ]


def _range(sides: Sequence[int]) -> str:
    return f"{min(sides)}" if min(sides) == max(sides) else f"{min(sides)} to {max(sides)}"


def _describe_changes(name: str, headers: list[PictureHeader], channels: int, by_first: bool) -> list[str]:
    """Return a line for each kind of change that reading makes to some of the pictures."""
    why = "as the first one is" if by_first else "as the network takes them"
    changed = {
        "with transparency: put on a white background": sum(header.transparent for header in headers),
        "turned upright as their EXIF data say": sum(header.turned for header in headers),
        "with 16 bits per channel: the upper 8 are read": sum(header.deep for header in headers),
        f"in colour made grey, {why}": sum(header.channels > channels for header in headers),
        f"in grey made colour, {why}": sum(header.channels < channels for header in headers),
    }
    shown = printable(name, 400)
    return [f"{shown}: {count:,} of {len(headers):,} pictures {what}" for what, count in changed.items() if count]
