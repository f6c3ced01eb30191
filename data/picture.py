"""Pictures, read by Pillow: size and mode from the header, pixels on demand."""

import contextlib
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

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
_ALPHA = {"LA", "RGBA", "PA"}
_ORIENTATION = 0x0112  # the tag of EXIF 2.3: 1 upright, 2 to 8 mirrored or turned, 5 to 8 by a quarter
_TURNS, _QUARTER_TURNS = range(2, 9), range(5, 9)


class PictureHeader(NamedTuple):
    """What a picture's header tells: channels (1 grey, 3 colour), the size upright, and what reading will change."""

    channels: int
    height: int
    width: int
    transparent: bool
    turned: bool
    deep: bool


def read_header(path: Path) -> PictureHeader:
    """Return what the header of a picture tells.

    Raises DataError when it is not a picture of 8 bits per channel, or too large.
    """
    with _opened(path) as image:
        if image.mode not in _GREY | _COLOUR:
            hint = f"convert it (ImageMagick: magick {path.name} -depth 8 OUT.png), or store arrays as NPZ"
            raise refuse(path, "8 bits per channel, grey or colour", f"mode {image.mode}", printable(hint))
        turned = _orientation(image) in _TURNS
        quarter = _orientation(image) in _QUARTER_TURNS
        height, width = (image.width, image.height) if quarter else (image.height, image.width)
        channels, deep = 1 if image.mode in _GREY else 3, any(";16" in str(tile[-1]) for tile in image.tile)
        return PictureHeader(channels, height, width, _is_transparent(image), turned, deep)


def read_image(path: str | Path, image_shape: tuple[int, int, int]) -> npt.NDArray[np.uint8]:
    """Return a picture as `read_picture` does. Raises DataError when it cannot be decoded or has another size."""
    c, h, w = image_shape
    pixels = read_picture(path, c)
    if pixels.shape[1:] != (h, w):
        got = f"{pixels.shape[2]} x {pixels.shape[1]}"
        raise refuse(path, f"a picture of {w} x {h} pixels", got, "resize it")
    return pixels


def read_picture(path: str | Path, channels: int) -> npt.NDArray[np.uint8]:
    """Return a picture of any size as (C, H, W) uint8, turned upright by its EXIF data, on a white background.

    channels: 1 for grey (ITU-R BT.601 luma), else colour.

    Raises DataError when it cannot be decoded.
    """
    path = Path(path)
    read_header(path)
    with _opened(path) as image:
        from PIL import Image, ImageOps

        upright = ImageOps.exif_transpose(image) if _orientation(image) in _TURNS else image
        if _is_transparent(upright):
            upright = upright.convert("RGBA")
            upright = Image.alpha_composite(Image.new("RGBA", upright.size, "white"), upright)
        pixels = np.asarray(upright.convert("L" if channels == 1 else "RGB"))
    return pixels[None] if channels == 1 else pixels.transpose(2, 0, 1)


def _is_transparent(image: Any) -> bool:
    return image.mode in _ALPHA or "transparency" in image.info


def _orientation(image: Any) -> int:
    """Return the EXIF orientation, 1 where there is none; a picture that states it after its pixels counts as such."""
    stated = image.format in ("JPEG", "WEBP") or "exif" in image.info
    return int(image.getexif().get(_ORIENTATION, 1)) if stated else 1


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
