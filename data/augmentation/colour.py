"""Transforms of brightness and colour, as Pillow's ImageEnhance defines them, and of the hue, as HSV does."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from cnnkit.data.augmentation.draws import Draws, Floats
from cnnkit.data.augmentation.sampling import to_pixels, working_type
from cnnkit.data.augmentation.transform import Pointwise, Shape

_LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601
_STEPS = 1 << 20  # of a mean of floats: whole numbers are summed, whose sum depends on no order
RGB = 3  # channels


class Enhancement(Pointwise):
    """x becomes reference + (x - reference) * factor, with a factor between 1 - amount and 1 + amount."""

    amount: float

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require("amount", 0, 10)

    def check(self, sample_shape: Shape, kinds: tuple[str, ...]) -> None:
        if len(sample_shape) != 3:
            raise self._refuse("images (C, H, W)", f"samples of shape {sample_shape}")

    def change(self, pixels: Any, draws: Draws, white: float) -> Any:
        u = draws.uniform(2)
        factor = np.where(self._applied(u[:, 0]), np.maximum(1 + (2 * u[:, 1] - 1) * self.amount, 0), 1)
        return self.enhance(pixels, factor, white)

    def enhance(self, pixels: Any, factor: Floats, white: float) -> Any:
        """Return the pixels (n, C, H, W) of images that are changed by factors (n,); 1 changes nothing."""
        x = pixels.astype(working_type(pixels.dtype))
        reference = self.reference(x, white)
        return to_pixels(reference + (x - reference) * factor.astype(x.dtype)[:, None, None, None], pixels.dtype, white)

    def reference(self, x: Any, white: float) -> Any:
        """Return what factor 0 leaves of images (n, C, H, W)."""
        raise NotImplementedError


def _to_grey(x: Any) -> Any:
    """Return the luma of images (n, 3, H, W), the mean of any other channels: (n, 1, H, W)."""
    if x.shape[1] == 1:
        return x
    channels = x.shape[1]
    shares = _LUMA if channels == RGB else [1 / channels] * channels
    grey = x[:, 0] * x.dtype.type(shares[0])
    for channel in range(1, channels):
        grey = grey + x[:, channel] * x.dtype.type(shares[channel])
    return grey[:, None]


@dataclass(frozen=True)
class RandomBrightness(Enhancement):
    """Multiply all pixels of an image by a factor: the reference is black."""

    name: ClassVar[str] = "brightness"

    amount: float = 0.2
    share: float = 1.0

    def reference(self, x: Any, white: float) -> Any:
        return x.dtype.type(0)


@dataclass(frozen=True)
class RandomContrast(Enhancement):
    """Multiply the distance of all pixels from the image's mean luma by a factor."""

    name: ClassVar[str] = "contrast"

    amount: float = 0.2
    share: float = 1.0

    def reference(self, x: Any, white: float) -> Any:
        grey = _to_grey(x)
        steps = np.rint(grey.astype(np.float64) * (_STEPS / white)).astype(np.int64)
        means = steps.reshape(len(x), -1).sum(axis=1) / (grey[0].size * (_STEPS / white))
        return means.astype(x.dtype)[:, None, None, None]


class OfColours(Pointwise):
    """A transform of images of three channels: red, green, blue."""

    def check(self, sample_shape: Shape, kinds: tuple[str, ...]) -> None:
        if len(sample_shape) != 3 or sample_shape[0] != RGB:
            raise self._refuse("colour images (3, H, W)", f"samples of shape {sample_shape}")


@dataclass(frozen=True)
class RandomSaturation(OfColours, Enhancement):
    """Multiply the distance of all pixels from their own luma by a factor."""

    name: ClassVar[str] = "saturation"

    amount: float = 0.2
    share: float = 1.0

    def reference(self, x: Any, white: float) -> Any:
        return _to_grey(x)


@dataclass(frozen=True)
class RandomHue(OfColours):
    """Turn the hue of all pixels by up to `amount` of the circle of colours (HSV), either way."""

    name: ClassVar[str] = "hue"

    amount: float = 0.05
    share: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require("amount", 0, 0.5)

    def change(self, pixels: Any, draws: Draws, white: float) -> Any:
        u = draws.uniform(2)
        turn = np.where(self._applied(u[:, 0]), (2 * u[:, 1] - 1) * self.amount, 0.0)
        return turn_hue(pixels, turn, white)


def turn_hue(pixels: Any, turn: Floats, white: float) -> Any:
    """Return images (n, 3, H, W) with their hue turned by these shares of the circle (n,), value and chroma kept.

    HSV of Smith, "Color gamut transform pairs", SIGGRAPH 1978: channel = value - chroma * max(0, min(k, 4 - k, 1)) with
    k = (n + 6 * hue) mod 6, n = 5, 3, 1 for red, green, blue.
    """
    x = pixels.astype(working_type(pixels.dtype))
    red, green, blue = x[:, 0], x[:, 1], x[:, 2]
    value, low = x.max(axis=1), x.min(axis=1)
    chroma = value - low
    safe = np.where(chroma > 0, chroma, 1)
    hue = np.where(
        value == red, (green - blue) / safe, np.where(value == green, (blue - red) / safe + 2, (red - green) / safe + 4)
    )
    hue = hue + (6 * turn).astype(x.dtype)[:, None, None]
    result = np.empty_like(x)
    for channel, n in enumerate((5, 3, 1)):
        k = hue + n
        k = k - 6 * np.floor(k / 6)
        result[:, channel] = value - chroma * np.maximum(0, np.minimum(np.minimum(k, 4 - k), 1))
    changed = to_pixels(result, pixels.dtype, white)
    return np.where((turn == 0)[:, None, None, None], pixels, changed)
