"""Images as a training changes them, for `cnnkit data show --augment`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cnnkit.data import Dataset
from cnnkit.data.augmentation import Augmentation, RawSamples, partners_in_epoch
from cnnkit.data.augmentation.preparation import Preparation
from cnnkit.data.targets import CLASS
from cnnkit.files.names import printable
from cnnkit.seeds import Purpose, key
from cnnkit.training.batches import epoch_order

_GAP, _SIDE, _WIDEST = 6, 96, 4096  # px: between pictures, the least side of one, the most of the sheet
_NEAR = 0.005  # a share that is not told


@dataclass(frozen=True)
class ChangedImage:
    """An image (C, H, W) of raw pixels as an epoch, from 1, makes it; target: its class, or the shares of classes.

    mixed: the shares in words, where it was mixed
    """

    epoch: int
    pixels: npt.NDArray[Any]
    target: Any
    mixed: str


def change_images(
    dataset: Dataset, split: str, augmentation: Augmentation, seed: int, indices: Sequence[int], epochs: Sequence[int]
) -> list[list[ChangedImage]]:
    """Return a row for each image, as a training on the whole split with this seed would make it in each epoch.

    Raises ConfigError where the augmentation cannot change the images.
    """
    part = dataset.split(split)
    preparation = Preparation.of(dataset, part, augmentation, key(seed, Purpose.AUGMENTATION))
    rows: list[list[ChangedImage]] = [[] for _ in indices]
    for epoch in epochs:
        partner_of = partners_in_epoch(epoch_order(np.arange(len(part)), seed, epoch - 1))
        for row, index in zip(rows, indices, strict=True):
            plan = augmentation.plan(np.array([index]), partner_of)
            changed = preparation.change(preparation.read(plan), plan, epoch - 1)
            row.append(
                ChangedImage(epoch, changed.pixels[0], *_describe(dataset, changed, part.parts[0].kind == CLASS))
            )
    return rows


def _describe(dataset: Dataset, changed: RawSamples, of_classes: bool) -> tuple[Any, str]:
    """Return the target of one sample as JSON has it, and the shares of its classes in words."""
    target = changed.targets[0]
    if not of_classes or target.values is None:
        return None, ""
    if target.kind == CLASS:
        return int(target.values[0]), ""
    shares = target.values[0].tolist()
    names = [
        f"{share:.0%} class {printable(dataset.class_names[k], 40)}" for k, share in enumerate(shares) if share > _NEAR
    ]
    return shares, f": {', '.join(names)}"


def draw_sheet(rows: Sequence[Sequence[npt.NDArray[Any]]], white: float) -> bytes:
    """Return a PNG file of images (C, H, W) of raw pixels in rows, each enlarged by a whole factor, on white."""
    from cnnkit.cli.viewing import scale_for_view
    from cnnkit.files.png import encode_photo

    pictures = [[_to_bytes(scale_for_view(image, white)) for image in row] for row in rows]
    height, width, _ = pictures[0][0].shape
    columns = len(pictures[0])
    factor = max(1, min(-(-_SIDE // max(height, width)), _WIDEST // (columns * width)))
    height, width = factor * height + _GAP, factor * width + _GAP
    sheet = np.full((len(rows) * height + _GAP, columns * width + _GAP, 3), 255, np.uint8)
    for y, row in enumerate(pictures):
        for x, picture in enumerate(row):
            large = picture.repeat(factor, axis=0).repeat(factor, axis=1)
            top, left = _GAP + y * height, _GAP + x * width
            sheet[top : top + large.shape[0], left : left + large.shape[1]] = large
    return encode_photo(sheet)


def _to_bytes(image: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """Return an image (C, H, W) in [0, 1] as (H, W, 3) bytes; other than three channels as grey, their mean."""
    shown = image if len(image) == 3 else np.repeat(np.mean(image, axis=0, keepdims=True), 3, axis=0)
    levels: npt.NDArray[np.uint8] = np.rint(np.clip(shown, 0, 1) * 255).astype(np.uint8).transpose(1, 2, 0)
    return levels
