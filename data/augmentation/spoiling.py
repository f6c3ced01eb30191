"""Transforms that take something away from what a network sees: noise, and squares that are cut out."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from cnnkit.data.augmentation.draws import Draws
from cnnkit.data.augmentation.sampling import to_pixels, working_type
from cnnkit.data.augmentation.transform import Pointwise

_MOST_PIXELS = 1 << 16
_TOGETHER = 1 << 16  # values that get their noise at a time


@dataclass(frozen=True)
class AddNoise(Pointwise):
    """Add noise of mean 0 to each value; deviation: as a share of full brightness, 1 where values are not scaled."""

    name: ClassVar[str] = "noise"
    spoils: ClassVar[bool] = True

    deviation: float = 0.05
    share: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require("deviation", 0, 1e6)

    def change(self, pixels: Any, draws: Draws, white: float) -> Any:
        applied, dtype = self._applied(draws.uniform(1)[:, 0]), working_type(pixels.dtype)
        result, size = np.array(pixels, order="C"), pixels[0].size
        chosen, step = np.flatnonzero(applied), max(1, _TOGETHER // size)
        for start in range(0, len(chosen), step):
            part = chosen[start : start + step]
            noise = draws.of(part).normal(size)
            noisy = pixels[part] + noise.reshape(pixels[part].shape) * dtype(self.deviation * white)
            result[part] = to_pixels(noisy, pixels.dtype, white)
        return result


@dataclass(frozen=True)
class Cutout(Pointwise):
    """Set a square of `size` pixels to a raw value; its centre is any pixel (DeVries and Taylor 2017)."""

    name: ClassVar[str] = "cutout"
    spoils: ClassVar[bool] = True

    size: int = 8
    value: float = 0.0
    share: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require("size", 1, _MOST_PIXELS)
        self._require("value", -1e30, 1e30)

    def change(self, pixels: Any, draws: Draws, white: float) -> Any:
        sizes = pixels.shape[2:]
        u = draws.uniform(1 + len(sizes))
        centres = np.floor(u[:, 1:] * np.array(sizes)).astype(int) - self.size // 2
        result, value = np.array(pixels, order="C"), to_pixels(np.array(self.value), pixels.dtype)
        for k in np.flatnonzero(self._applied(u[:, 0])):
            square = (slice(max(first, 0), first + self.size) for first in centres[k].tolist())
            place: Any = (k, slice(None), *square)
            result[place] = value
        return result
