"""Affine maps, one of each sample, from places of the result to places of the source, in pixels.

Places are measured from the centre of the image, so that a mirrored image has x -> -x and a turned one turns about it.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np

from cnnkit.data.augmentation.draws import Floats

_TERMS = 30  # of the Taylor series: the last is below 1e-17 up to pi


@dataclass(frozen=True)
class AffineMap:
    """source = matrix @ place + offset, in pixels from the centre, for n samples with S axes of places.

    matrix (n, S, S), offset (n, S), in the order of the axes: (y, x) of an image.
    """

    matrix: Floats
    offset: Floats

    @classmethod
    def identity(cls, n: int, axes: int) -> Self:
        """Return the map that moves nothing."""
        return cls(np.tile(np.eye(axes), (n, 1, 1)), np.zeros((n, axes)))

    def after(self, first: "AffineMap") -> "AffineMap":
        """Return the map of doing `first`, and then this: a place of the result leads to this one's source, then on.

        Products are summed one by one: a library of linear algebra would round differently on other machines.
        """
        axes = self.offset.shape[1]
        matrix, offset = np.zeros_like(self.matrix), first.offset.copy()
        for k in range(axes):
            matrix += first.matrix[:, :, k, None] * self.matrix[:, k, None, :]
            offset += first.matrix[:, :, k] * self.offset[:, k, None]
        return AffineMap(matrix, offset)

    def where(self, applied: np.ndarray) -> "AffineMap":
        """Return this map for the samples that are True in `applied` (n,), and the identity for the others."""
        rest = AffineMap.identity(*self.offset.shape)
        matrix = np.where(applied[:, None, None], self.matrix, rest.matrix)
        return AffineMap(matrix, np.where(applied[:, None], self.offset, rest.offset))


def sine_and_cosine(angle: Floats) -> tuple[Floats, Floats]:
    """Return the sine and cosine of angles in [-pi, pi], in radians: the Taylor series, the same bits everywhere."""
    sine, cosine, term = np.zeros_like(angle), np.zeros_like(angle), np.ones_like(angle)
    for power in range(_TERMS):
        if power % 2:
            sine += term if power % 4 == 1 else -term
        else:
            cosine += term if power % 4 == 0 else -term
        term = term * angle / (power + 1)
    return sine, cosine
