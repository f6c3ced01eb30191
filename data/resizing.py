"""Pictures of any size brought to one: cropped, padded or stretched, antialiased; masks by their nearest pixel."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from cnnkit.errors import DataError
from cnnkit.files.names import describe_value, printable

FITS = ("crop", "pad", "stretch")
MOST_SIDE = 4096  # pixels


@dataclass(frozen=True)
class Resizing:
    """A size in pixels, and what is done to pictures of another ratio of width to height.

    fit: "crop" cuts what is beyond the ratio off, the same on both sides; "pad" adds black on both sides; "stretch"
    scales each axis by its own factor.

    Raises DataError on sides that are not 1 to 4096, and on another fit.
    """

    height: int
    width: int
    fit: str = "crop"

    def __post_init__(self) -> None:
        for side in (self.height, self.width):
            if type(side) is not int or not 1 <= side <= MOST_SIDE:
                raise DataError(f"resize: expected sides of 1 to {MOST_SIDE} pixels, got {describe_value(side, 40)}")
        if self.fit not in FITS:
            raise DataError(f"fit: expected one of {', '.join(FITS)}, got {describe_value(self.fit, 40)}")

    @classmethod
    def parse(cls, text: str, fit: str = "crop") -> Self:
        """Return the resizing of a text: "64" for squares, "64x48" for a width of 64 and a height of 48.

        Raises DataError on another text.
        """
        sides = text.lower().split("x")
        if len(sides) > 2 or not all(side.isascii() and side.isdigit() and len(side) < 6 for side in sides):
            raise DataError(
                f"resize: expected a size such as 64 or 64x48 (width x height), got {printable(text, 40)!r}"
            )
        return cls(int(sides[-1]), int(sides[0]), fit)

    def __str__(self) -> str:
        return f"{self.width} x {self.height} ({self.fit})"

    def find_scaled(self, height: int, width: int) -> tuple[int, int]:
        """Return the size (height, width) to which a picture of this size is scaled, before it is cut or padded."""
        if self.fit == "stretch":
            return self.height, self.width
        factors = self.height / height, self.width / width
        factor = max(factors) if self.fit == "crop" else min(factors)
        return max(1, round(height * factor)), max(1, round(width * factor))

    def apply(self, pixels: npt.NDArray[Any], mask: int | None = None) -> npt.NDArray[Any]:
        """Return uint8 pixels (H, W) or (H, W, 3) in this size.

        Pillow's bilinear filter takes means of all pixels where it makes a picture smaller. mask: the pixels are class
        numbers, each that of the nearest place, no mean of two; this one is that of the margin that "pad" adds.
        """
        from PIL import Image

        height, width = pixels.shape[:2]
        if (height, width) == (self.height, self.width):
            return pixels
        image = Image.fromarray(np.ascontiguousarray(pixels))
        how = Image.Resampling.BILINEAR if mask is None else Image.Resampling.NEAREST
        if self.fit != "pad":
            return np.asarray(image.resize((self.width, self.height), how, self._find_box(height, width)))
        tall, wide = self.find_scaled(height, width)
        tall, wide = min(tall, self.height), min(wide, self.width)
        top, left = round((self.height - tall) / 2), round((self.width - wide) / 2)
        padded = np.full((self.height, self.width, *pixels.shape[2:]), mask or 0, pixels.dtype)
        padded[top : top + tall, left : left + wide] = np.asarray(image.resize((wide, tall), how))
        return padded

    def _find_box(self, height: int, width: int) -> tuple[float, float, float, float]:
        """Return (left, top, right, bottom) of the part that is kept, in pixels of the picture."""
        if self.fit == "stretch":
            return 0, 0, width, height
        factor = max(self.height / height, self.width / width)
        tall, wide = min(height, self.height / factor), min(width, self.width / factor)
        left, top = (width - wide) / 2, (height - tall) / 2
        return left, top, left + wide, top + tall
