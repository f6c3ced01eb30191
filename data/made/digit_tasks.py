"""Tasks made of the handwritten digits: noise to remove, digits to find, to name and to add up."""

import numpy as np
import numpy.typing as npt

from cnnkit.data.made.canvas import INK, SIDE, Indices, Pixels, place
from cnnkit.data.made.draws import bell, integers

DIGITS = 10
Floats32 = npt.NDArray[np.float32]
NOISE = 0.3  # standard deviation, where ink is 1
_GRID = 256.0  # noise is a multiple of 1 / 256
CANVAS, MOST_SEGMENTED = (25, 25), 4
TAGGED_CANVAS, MOST_TAGGED = (20, 20), 3
SUMMED = 3
_FAINT = 3  # raw values of the background are below
_THRESHOLD = 4  # raw values of a digit that are ink are at or above


def add_noise(digits: Pixels, seed: int, copies: int) -> tuple[Floats32, Floats32]:
    """Return noisy images (copies * N, 1, 8, 8) and the clean ones, in which ink is 1, of raw digits (N, 1, 8, 8)."""
    clean = np.tile(digits, (copies, 1, 1, 1)) / np.float32(INK)
    noise = np.rint(NOISE * _GRID * bell(seed, "noise", clean.shape)) / _GRID
    return (clean + noise).astype(np.float32), clean.astype(np.float32)


def compose(digits: Pixels, labels: Indices, seed: int, canvases: int) -> tuple[Pixels, Indices]:
    """Return canvases (N, 1, 25, 25) with 1 to 4 digits, and the class (N, 25, 25) of each pixel.

    Class 0 is background, class k + 1 the ink of digit k.
    """
    placed = place(seed, len(digits), canvases, CANVAS, MOST_SEGMENTED)
    images = integers(seed, "background", (canvases, *CANVAS), _FAINT).astype(np.uint8)
    classes = np.zeros((canvases, *CANVAS), np.uint8)
    placed.paste(digits[:, 0], images)
    inked = (digits[:, 0] >= _THRESHOLD) * (labels[:, None, None] + 1)
    placed.paste(inked.astype(np.uint8), classes)
    return images[:, None], classes.astype(np.int64)


def tag(digits: Pixels, labels: Indices, seed: int, canvases: int) -> tuple[Pixels, Floats32]:
    """Return canvases (N, 1, 20, 20) with 1 to 3 digits, and for each digit whether it is there (N, 10), 1 or 0."""
    placed = place(seed, len(digits), canvases, TAGGED_CANVAS, MOST_TAGGED)
    images = integers(seed, "background", (canvases, *TAGGED_CANVAS), _FAINT).astype(np.uint8)
    placed.paste(digits[:, 0], images)
    tags = np.zeros((canvases, DIGITS), np.float32)
    canvas, digit = np.nonzero(placed.there)
    tags[canvas, labels[placed.chosen[canvas, digit]]] = 1
    return images[:, None], tags


def add_up(digits: Pixels, labels: Indices, seed: int, rows: int) -> tuple[Pixels, Floats32]:
    """Return rows of two or three digits (N, 1, 8, 24), where one of two leaves a gap anywhere, and sums (N, 1)."""
    chosen = integers(seed, "which digit", (rows, SUMMED), len(digits))
    gap = integers(seed, "gap", (rows,), 2 * SUMMED)  # SUMMED and above: no gap
    there = gap[:, None] != np.arange(SUMMED)  # (N, 3)
    pieces = digits[chosen, 0] * there[:, :, None, None].astype(np.uint8)  # (N, 3, 8, 8)
    images = pieces.transpose(0, 2, 1, 3).reshape(rows, 1, SIDE, SUMMED * SIDE)
    return images, (labels[chosen] * there).sum(axis=1, keepdims=True).astype(np.float32)
