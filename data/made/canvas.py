"""Digits put on a larger canvas, none over another."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from cnnkit.data.made.draws import Shape, integers

SIDE = 8  # of a digit
TRIES = 8  # places that are drawn for a digit, of which the first free one is taken
INK = 16  # the darkest raw value
Indices = npt.NDArray[np.int64]
Pixels = npt.NDArray[np.uint8]


class Placed(NamedTuple):
    """Digits on canvases: where each is, and which.

    chosen  (N, M) index of each digit among those to choose from
    corners (N, M, 2) row and column of its upper left pixel
    there   (N, M) whether it has a place
    """

    chosen: Indices
    corners: Indices
    there: npt.NDArray[np.bool_]

    def paste(self, values: npt.NDArray[np.uint8], canvas: Pixels) -> None:
        """Write values[chosen], (8, 8) each, into canvas (N, H, W) at their places."""
        for digit in range(self.chosen.shape[1]):
            rows = np.flatnonzero(self.there[:, digit])
            corner = self.corners[rows, digit][:, :, None] + np.arange(SIDE)  # (n, 2, 8)
            canvas[rows[:, None, None], corner[:, 0, :, None], corner[:, 1, None, :]] = values[self.chosen[rows, digit]]


def place(seed: int, available: int, canvases: int, size: Shape, most: int) -> Placed:
    """Return where 1 to `most` digits of `available` lie on each canvas of `size` (H, W), none over another.

    A digit for which no free place is drawn is left out; the first always has one.
    """
    chosen = integers(seed, "which digit", (canvases, most), available)
    wanted = 1 + integers(seed, "how many digits", (canvases,), most)
    rows, columns = (integers(seed, axis, (canvases, most, TRIES), extent - SIDE + 1)
                     for axis, extent in zip(("row", "column"), size, strict=True))  # fmt: skip
    places = np.stack((rows, columns), axis=-1)  # (N, M, TRIES, 2)
    corners, there = places[:, :, 0].copy(), np.arange(most) < wanted[:, None]
    for digit in range(1, most):
        earlier = np.abs(places[:, digit, :, None] - corners[:, None, :digit])  # (N, TRIES, digit, 2)
        free = ~((earlier < SIDE).all(axis=-1) & there[:, None, :digit]).any(axis=-1)  # (N, TRIES)
        first = free.argmax(axis=1)
        corners[:, digit] = places[np.arange(canvases), digit, first]
        there[:, digit] &= np.any(free, axis=1)
    return Placed(chosen, corners, there)
