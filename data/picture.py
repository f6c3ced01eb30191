"""Pictures, read by Pillow: size and mode from the header, pixels on demand."""

import contextlib
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cnnkit.data.refusal import refuse
from cnnkit.errors import DataError
from cnnkit.files.names import printable

FORMATS = {
    "PNG": (".png",),
    "JPEG": (".jpg", ".jpeg"),
    "BMP": (".bmp",),
    "PPM": (".ppm", ".pgm", ".pbm"),
    "GIF": (".gif",),
    "WEBP": (".webp",),
}
SUFFIXES = frozenset(suffix for suffixes in FORMATS.values() for suffix in suffixes)
MOST_PIXELS = 1 << 26  # 8192 x 8192: a small compressed file must not unpack to gigabytes
_GREY = {"1", "L", "LA"}
_COLOUR = {"RGB", "RGBA", "P", "PA", "CMYK", "YCbCr", "HSV"}


def picture_shape(path: Path) -> tuple[int, int, int]:
    """Return (C, H, W) from a picture's header, C 1 for grey and 3 for colour.

    Raises DataError when it is not a picture of 8 bits per channel, or too large.
    """
    with _opened(path) as image:
        if image.mode not in _GREY | _COLOUR:
            raise refuse(
                path, "8 bits per channel, grey or colour", f"mode {image.mode}", "convert it, or store arrays as NPZ"
            )
        return (1 if image.mode in _GREY else 3), image.height, image.width


def read_image(path: str | Path, image_shape: tuple[int, int, int]) -> npt.NDArray[np.uint8]:
    """Return a picture as (C, H, W) uint8: grey if C is 1, else colour; transparency is dropped.

    Raises DataError when it cannot be decoded or has another size.
    """
    c, h, w = image_shape
    path = Path(path)
    with _opened(path) as image:
        if (image.height, image.width) != (h, w):
            raise refuse(path, f"a picture of {w} x {h} pixels", f"{image.width} x {image.height}", "resize it")
        pixels = np.asarray(image.convert("L" if c == 1 else "RGB"))
    return pixels[None] if c == 1 else pixels.transpose(2, 0, 1)


def read_picture(path: str | Path, channels: int) -> npt.NDArray[np.uint8]:
    """Return a picture of any size as (C, H, W) uint8, turned upright by its EXIF data, on a white background.

    Raises DataError when it cannot be decoded.
    """
    path = Path(path)
    picture_shape(path)
    with _opened(path) as image:
        from PIL import Image, ImageOps

        upright = ImageOps.exif_transpose(image).convert("RGBA")
        paper = Image.new("RGBA", upright.size, "white")
        pixels = np.asarray(Image.alpha_composite(paper, upright).convert("L" if channels == 1 else "RGB"))
    return pixels[None] if channels == 1 else pixels.transpose(2, 0, 1)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Any]:
    try:
        from PIL import Image
    except ImportError:
        raise DataError("reading pictures needs Pillow: type pip install 'cnnkit[images]'") from None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of odd metadata, which does not change the pixels
            with Image.open(path, formats=list(FORMATS)) as image:
                if image.width * image.height > MOST_PIXELS:
                    raise refuse(path, f"at most {MOST_PIXELS} pixels", f"{image.width} x {image.height}")
                yield image
    except DataError:
        raise
    except Exception as error:  # a damaged file can make Pillow's decoders raise any class
        got = printable(str(error).removesuffix(f" {str(path)!r}")) or type(error).__name__
        raise refuse(path, "a complete picture", got, "replace or remove it") from None
