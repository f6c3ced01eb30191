"""Transforms that move pixels. Each is a map from places of the result to places of the source."""

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from cnnkit.data.augmentation.affine import AffineMap, sine_and_cosine
from cnnkit.data.augmentation.draws import Draws, Floats
from cnnkit.data.augmentation.transform import Geometric, Shape

_MOST_PIXELS = 1 << 16


@dataclass(frozen=True)
class RandomFlip(Geometric):
    """Mirror along the last axis, left to right; vertical: along the one before, top to bottom."""

    name: ClassVar[str] = "flip"
    whole: ClassVar[bool] = True

    vertical: bool = False
    share: float = 0.5

    def check(self, sample_shape: Shape, kinds: tuple[str, ...]) -> None:
        super().check(sample_shape, kinds)
        if self.vertical and len(sample_shape) < 3:
            raise self._refuse("images (C, H, W) to flip vertically", f"samples of shape {sample_shape}")

    def places(self, draws: Draws, sizes: Shape) -> AffineMap:
        n, axes = len(draws.samples), len(sizes)
        mirror = np.ones(axes)
        mirror[-2 if self.vertical else -1] = -1
        flipped = AffineMap(np.tile(np.diag(mirror), (n, 1, 1)), np.zeros((n, axes)))
        return flipped.where(self._applied(draws.uniform(1)[:, 0]))


@dataclass(frozen=True)
class RandomCrop(Geometric):
    """Cut an image of the same size out of one with so many pixels of border on each side: a move by whole pixels."""

    name: ClassVar[str] = "crop"
    whole: ClassVar[bool] = True

    padding: int = 4
    share: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require("padding", 0, _MOST_PIXELS)

    def places(self, draws: Draws, sizes: Shape) -> AffineMap:
        return _shifted(self, draws, [self.padding] * len(sizes))


@dataclass(frozen=True)
class RandomShift(Geometric):
    """Move by up to this fraction of each axis, by whole pixels."""

    name: ClassVar[str] = "shift"
    whole: ClassVar[bool] = True

    fraction: float = 0.1
    share: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require("fraction", 0, 1)

    def places(self, draws: Draws, sizes: Shape) -> AffineMap:
        return _shifted(self, draws, [math.floor(self.fraction * size) for size in sizes])


def _shifted(transform: Geometric, draws: Draws, most: list[int]) -> AffineMap:
    """Return moves by -most..most whole pixels along each axis, all equally likely."""
    n, axes = len(draws.samples), len(most)
    u = draws.uniform(1 + axes)
    limits = np.array(most, np.float64)
    offset = np.floor(u[:, 1:] * (2 * limits + 1)) - limits
    return AffineMap(AffineMap.identity(n, axes).matrix, offset).where(transform._applied(u[:, 0]))


@dataclass(frozen=True)
class RandomResizedCrop(Geometric):
    """Cut out a rectangle of `smallest` to all of the area, and enlarge it to the whole image, bilinear.

    ratio: the most by which the rectangle's height and width may change against each other; upright and lying
    rectangles are equally likely.
    """

    name: ClassVar[str] = "resized_crop"

    smallest: float = 0.25
    ratio: float = 4 / 3
    share: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require("smallest", 1e-4, 1)
        self._require("ratio", 1, 100)

    def places(self, draws: Draws, sizes: Shape) -> AffineMap:
        u = draws.uniform(6)
        area = self.smallest + u[:, 1] * (1 - self.smallest)
        ratio = 1 + u[:, 2] * (self.ratio - 1)
        longer, shorter = (np.minimum(np.sqrt(side), 1) for side in (area * ratio, area / ratio))
        upright = u[:, 3] < 0.5
        scale = np.stack([np.where(upright, longer, shorter), np.where(upright, shorter, longer)], axis=1)
        offset = (u[:, 4:6] - 0.5) * (1 - scale) * np.array(sizes)
        return _diagonal(scale, offset).where(self._applied(u[:, 0]))


@dataclass(frozen=True)
class RandomRotate(Geometric):
    """Turn about the centre by up to so many degrees, either way."""

    name: ClassVar[str] = "rotate"

    degrees: float = 10.0
    share: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require("degrees", 0, 180)

    def places(self, draws: Draws, sizes: Shape) -> AffineMap:
        u = draws.uniform(2)
        return rotation((2 * u[:, 1] - 1) * self.degrees).where(self._applied(u[:, 0]))


def rotation(degrees: Floats) -> AffineMap:
    """Return the maps that turn images counterclockwise by these angles (n,), in -180..180 degrees."""
    sine, cosine = sine_and_cosine(degrees * (math.pi / 180))
    matrix = np.stack([np.stack([cosine, sine], axis=1), np.stack([-sine, cosine], axis=1)], axis=1)
    return AffineMap(matrix, np.zeros((len(degrees), 2)))


@dataclass(frozen=True)
class RandomZoom(Geometric):
    """Enlarge about the centre by a factor between 1 - amount and 1 + amount."""

    name: ClassVar[str] = "zoom"

    amount: float = 0.1
    share: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require("amount", 0, 0.99)

    def places(self, draws: Draws, sizes: Shape) -> AffineMap:
        u = draws.uniform(2)
        scale = 1 / (1 + (2 * u[:, 1:2] - 1) * self.amount)
        return _diagonal(np.repeat(scale, len(sizes), axis=1), np.zeros((len(u), len(sizes)))).where(
            self._applied(u[:, 0])
        )


@dataclass(frozen=True)
class RandomShear(Geometric):
    """Move each row sideways, in proportion to its height above the centre, by up to `slope` pixels per pixel."""

    name: ClassVar[str] = "shear"

    slope: float = 0.1
    share: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require("slope", 0, 10)

    def places(self, draws: Draws, sizes: Shape) -> AffineMap:
        u = draws.uniform(2)
        places = AffineMap.identity(len(u), 2)
        places.matrix[:, 1, 0] = (2 * u[:, 1] - 1) * self.slope
        return places.where(self._applied(u[:, 0]))


def _diagonal(scale: Floats, offset: Floats) -> AffineMap:
    """Return the maps that scale each axis; scale and offset (n, S)."""
    return AffineMap(scale[:, :, None] * np.eye(scale.shape[1]), offset)
