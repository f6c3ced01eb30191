"""A user's picture, made to look like the training images of a network, with a report of each step."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cnnkit.errors import DataError
from cnnkit.files.names import printable

if TYPE_CHECKING:
    from cnnkit.data import Dataset, Resizing

Pixels = NDArray[np.float64]
_SAMPLE = 200  # training images that are measured
_MOST = 1 << 21  # pixels; a larger picture is made smaller by a whole factor while it is read


@dataclass(frozen=True)
class Appearance:
    """The appearance of the training images.

    bright: whether their background is bright, None without a common background. side: of their content, in pixels.
    """

    bright: bool | None
    side: int


def measure_appearance(dataset: "Dataset | None", shape: tuple[int, int, int], white: float) -> Appearance:
    """Return the appearance of the training images; without them, that of MNIST: dark background, 20 of 28 pixels."""
    _, height, width = shape
    if dataset is None or dataset.image_shape != shape:
        return Appearance(False, max(1, round(min(height, width) * 20 / 28)))
    chosen = np.linspace(0, len(dataset.train) - 1, min(_SAMPLE, len(dataset.train))).astype(int)
    pictures = np.clip(dataset.train.take(chosen)[0].astype(np.float64) / white, 0, 1)
    share = np.mean([_find_background(picture) > 0.5 for picture in pictures])
    bright = None if 0.1 < share < 0.9 else bool(share >= 0.9)
    boxes = [_find_content(1 - p if bright else p) for p in pictures]
    return Appearance(bright, int(np.median([max(box[1] - box[0], box[3] - box[2]) for box in boxes])))


def fit_picture(
    path: Path, shape: tuple[int, int, int], appearance: Appearance, resizing: "Resizing | None" = None
) -> tuple[Pixels, str]:
    """Return (picture of `shape` (C, H, W) in [0, 1], the steps taken in one line). Raises DataError.

    resizing: as the training pictures were resized; then that is all that is done, where it gives the network's size.
    For a network on grey images with a common background the picture is inverted if its background differs, cropped
    to its content, scaled to the size of the content of training images, and centred by mass. For any other network
    it is only scaled.
    """
    if resizing is not None and (resizing.height, resizing.width) == shape[1:]:
        return _resize_as_trained(path, shape[0], resizing)
    picture, steps = _read(path, shape[0])
    _, height, width = shape
    if shape[0] != 1 or appearance.bright is None:
        if picture.shape != shape:
            picture = _resize(picture, height, width)
            steps.append(f"scaled to {width} x {height}")
        return picture, _describe(path, steps)
    if (_find_background(picture) > 0.5) != appearance.bright:
        picture = 1 - picture
        its, theirs = ("dark", "bright") if appearance.bright else ("bright", "dark")
        steps.append(f"inverted (its background is {its}, that of the training images {theirs})")
    if picture.shape != shape:
        ink = 1 - picture if appearance.bright else picture
        ink, taken = _centre(_stretch(ink), height, width, appearance.side)
        picture = 1 - ink if appearance.bright else ink
        steps += taken
    return picture, _describe(path, steps)


def _describe(path: Path, steps: list[str]) -> str:
    return f"{printable(str(path))}: {', '.join(steps)}"


def _resize_as_trained(path: Path, channels: int, resizing: "Resizing") -> tuple[Pixels, str]:
    from cnnkit.data.picture import read_header, read_resized

    _require_picture(path, channels)
    header = read_header(path)
    picture = read_resized(path, channels, resizing).astype(np.float64) / 255
    return picture, _describe(path, [f"{header.width} x {header.height} pixels", f"resized to {resizing}"])


def _read(path: Path, channels: int) -> tuple[Pixels, list[str]]:
    """Return the picture (C, H, W) in [0, 1], made smaller if it has many pixels, and what was read."""
    from cnnkit.data.picture import read_header, read_picture

    _require_picture(path, channels)
    header = read_header(path)
    picture = read_picture(path, channels, _MOST).astype(np.float64) / 255
    steps = [f"{header.width} x {header.height} pixels"]
    if picture.shape[1:] != (header.height, header.width):
        steps.append(f"read at {picture.shape[2]} x {picture.shape[1]}")
    return picture, steps


def _require_picture(path: Path, channels: int) -> None:
    if not path.exists():
        raise DataError(f"{path}: expected a picture, found no such file")
    if not path.is_file():
        found = "a folder" if path.is_dir() else "a device, pipe or socket"
        raise DataError(f"{path}: expected a picture, found {found}")
    if channels not in (1, 3):
        raise DataError(f"{path}: the network expects {channels} channels, a picture has 1 or 3")


def _find_background(picture: Pixels) -> float:
    """Return the brightness of the background: the median of the border."""
    grey = picture.mean(axis=0)
    return float(np.median(np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])))


def _find_content(picture: Pixels) -> tuple[int, int, int, int]:
    """Return (top, bottom, left, right) of the content on a dark background; the whole picture without content."""
    grey = picture.mean(axis=0)
    background = _find_background(picture)
    inked = grey > background + 0.25 * (grey.max() - background)
    rows, columns = np.flatnonzero(inked.any(axis=1)), np.flatnonzero(inked.any(axis=0))
    if not len(rows):
        return 0, grey.shape[0], 0, grey.shape[1]
    return int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1


def _stretch(ink: Pixels) -> Pixels:
    """Return the picture with its background at 0 and its brightest pixel at 1."""
    background = _find_background(ink)
    span = ink.max() - background
    return np.clip((ink - background) / span, 0, 1) if span > 0 else np.zeros_like(ink)


def _centre(ink: Pixels, height: int, width: int, side: int) -> tuple[Pixels, list[str]]:
    top, bottom, left, right = _find_content(ink)
    content = ink[:, top:bottom, left:right]
    factor = min(side / max(content.shape[1:]), height / content.shape[1], width / content.shape[2])
    tall, wide = (max(1, round(n * factor)) for n in content.shape[1:])
    small = _normalise_peak(_resize(content, tall, wide))
    mass = small[0] / max(float(small.sum()), 1e-12)
    down, across = float(mass.sum(axis=1) @ (np.arange(tall) + 0.5)), float(mass.sum(axis=0) @ (np.arange(wide) + 0.5))
    row = min(max(round(height / 2 - down), 0), height - tall)
    column = min(max(round(width / 2 - across), 0), width - wide)
    whole = np.zeros((1, height, width))
    whole[:, row : row + tall, column : column + wide] = small
    cropped = f"cropped to its content of {right - left} x {bottom - top}"
    return whole, [cropped, f"scaled to {wide} x {tall}", f"centred by mass in {width} x {height}"]


def _normalise_peak(ink: Pixels) -> Pixels:
    peak = float(ink.max())
    return ink / peak if peak > 0 else ink


def _resize(picture: Pixels, height: int, width: int) -> Pixels:
    from PIL import Image

    channels = (Image.fromarray(channel.astype(np.float32)) for channel in picture)
    scaled = [np.asarray(c.resize((width, height), Image.Resampling.BILINEAR), np.float64) for c in channels]
    return np.clip(np.stack(scaled), 0, 1)
