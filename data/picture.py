"""Pictures, read by Pillow: size and mode from the header, pixels on demand."""

import contextlib
import math
import re
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
import numpy.typing as npt

from cnnkit.data.picture_cost import CountedReads, require_cheap
from cnnkit.data.png_check import require_sound_png
from cnnkit.data.refusal import refuse
from cnnkit.data.resizing import Resizing
from cnnkit.errors import DataError
from cnnkit.files.names import printable
from cnnkit.files.regular_file import open_regular

FORMATS = {
    "PNG": (".png",),
    "JPEG": (".jpg", ".jpeg"),
    "BMP": (".bmp",),
    "PPM": (".ppm", ".pgm", ".pbm"),
    "GIF": (".gif",),
    "WEBP": (".webp",),
}
SUFFIXES = frozenset(suffix for suffixes in FORMATS.values() for suffix in suffixes)
_BAND = 1 << 20  # pixels that are converted at a time
_GREY = {"1", "L", "LA"}
_COLOUR = {"RGB", "RGBA", "P", "PA", "CMYK", "YCbCr", "HSV"}
_MASKS, _LOSSY = {"1", "L", "P"}, {"JPEG", "WEBP"}
_GREY_STEPS = {"L;2": 85, "L;4": 17}  # between the values 0..255 that Pillow gives grey of few bits
_ALPHA = {"LA", "RGBA", "PA"}
_ORIENTATION = 0x0112  # the tag of EXIF 2.3: 1 upright, 2 to 8 mirrored or turned, 5 to 8 by a quarter
_QUARTER_TURNS = range(5, 9)
_TURNED: dict[int, Callable[[Any], Any]] = {
    2: lambda x: x[:, ::-1],
    3: lambda x: x[::-1, ::-1],
    4: lambda x: x[::-1],
    5: lambda x: x.swapaxes(0, 1),
    6: lambda x: np.rot90(x, -1),
    7: lambda x: x[::-1, ::-1].swapaxes(0, 1),
    8: lambda x: np.rot90(x, 1),
}


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
    with _opened(path) as (image, _):
        turned = _orientation(image) in _TURNED
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


def read_picture(path: str | Path, channels: int, most: int | None = None) -> npt.NDArray[np.uint8]:
    """Return a picture of any size as (C, H, W) uint8, turned upright by its EXIF data, on a white background.

    channels: 1 for grey (ITU-R BT.601 luma), else colour. most: a picture of more pixels is made smaller by a whole
    factor, each pixel the mean of a square; the whole is never held in more than its own mode.

    Raises DataError when it cannot be decoded.
    """
    return _channels_first(_read_upright(Path(path), channels, lambda image: _shrink(image, most)))


def read_resized(path: str | Path, channels: int, resizing: Resizing) -> npt.NDArray[np.uint8]:
    """Return a picture as `read_picture` does, (C, H, W) uint8, in the size of `resizing`.

    A JPEG that is at least four times as large is decoded at a half, a quarter or an eighth of its size first, not
    below twice the size that it is scaled to.

    Raises DataError when it cannot be decoded.
    """
    upright = _read_upright(Path(path), channels, lambda image: _draft(image, resizing))
    return _channels_first(resizing.apply(upright))


def read_numbers(path: Path) -> npt.NDArray[np.uint8]:
    """Return the numbers of a mask, (H, W) uint8, upright: of the colours of its palette, or its grey values.

    Grey of 1, 2 or 4 bits counts from 0 to 1, 3 or 15.

    Raises DataError when it has several numbers a pixel, or cannot be decoded.
    """
    with _opened(path) as (image, file):
        if image.format == "PNG":
            require_sound_png(path, file)
        if image.format in _LOSSY or image.mode not in _MASKS:
            got = f"{image.format} of mode {image.mode}"
            raise refuse(path, "a mask with one class number a pixel (PNG, grey or with a palette)", got)
        turn, steps = _TURNED.get(_orientation(image)), _GREY_STEPS.get(str(image.tile[0][-1]) if image.tile else "", 1)
        image.load()
        numbers = np.asarray(image).astype(np.uint8) // np.uint8(steps)
    return numbers if turn is None else turn(numbers)


def _read_upright(path: Path, channels: int, prepare: Callable[[Any], int]) -> npt.NDArray[np.uint8]:
    """Return (H, W) or (H, W, 3). prepare: sees the opened image, returns the factor by which it is made smaller."""
    with _opened(path) as (image, file):
        if image.format == "PNG":
            require_sound_png(path, file)
        turn = _TURNED.get(_orientation(image))
        factor = prepare(image)
        image.load()
        pixels = _convert(image, "L" if channels == 1 else "RGB", factor)
    return pixels if turn is None else turn(pixels)


def _channels_first(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    return pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)


def _shrink(image: Any, most: int | None) -> int:
    width, height = image.size
    factor = 1 if most is None else _choose_factor(width, height, most)
    if factor > 1:
        image.draft(None, (width // factor, height // factor))  # a JPEG is decoded at half the size or less
        factor = max(1, factor * image.width // width)
    return factor


def _draft(image: Any, resizing: Resizing) -> int:
    width, height = image.size
    if _orientation(image) in _QUARTER_TURNS:
        wide, tall = resizing.find_scaled(width, height)
    else:
        tall, wide = resizing.find_scaled(height, width)
    image.draft(None, (2 * wide, 2 * tall))
    return 1


def _choose_factor(width: int, height: int, most: int) -> int:
    """Return the whole factor by which a picture has `most` pixels at most, also one that is a single line."""
    factor = math.ceil(math.sqrt(max(1, width * height / most)))
    return max(factor, math.ceil(max(width, height) / most) if min(width, height) < factor else 1)


def _convert(image: Any, mode: str, factor: int) -> npt.NDArray[np.uint8]:
    """Return (H, W) or (H, W, 3), made smaller by a factor; band by band, so that no second whole picture is held."""
    width, height = math.ceil(image.width / factor), math.ceil(image.height / factor)
    pixels = np.empty((height, width) if mode == "L" else (height, width, 3), np.uint8)
    rows = max(1, _BAND // (image.width * factor))  # of the result
    for top in range(0, height, rows):
        bottom = min(top + rows, height)
        band = image.crop((0, top * factor, image.width, min(bottom * factor, image.height)))
        part = _flatten(band).convert(mode)
        pixels[top:bottom] = np.asarray(part if factor == 1 else part.reduce(factor))
    return pixels


def _flatten(image: Any) -> Any:
    """Return a picture on a white background, itself if nothing of it is transparent."""
    from PIL import Image

    if not _is_transparent(image):
        return image
    image = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)


def _is_transparent(image: Any) -> bool:
    return image.mode in _ALPHA or "transparency" in image.info


def _orientation(image: Any) -> int:
    """Return the EXIF orientation, 1 where none can be read; one stated after the pixels counts as such."""
    if image.format not in ("JPEG", "WEBP") and "exif" not in image.info:
        return 1
    try:
        stated = image.getexif().get(_ORIENTATION, 1)
    except Exception:  # EXIF data of any content, which no pixel depends on
        return 1
    return stated if isinstance(stated, int) else 1


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[tuple[Any, BinaryIO]]:
    """Yield the picture and its file: header read, 8 bits deep, affordable to decode. Nothing is mapped."""
    try:
        from PIL import Image
    except ImportError:
        raise DataError("reading pictures needs Pillow: type pip install 'cnnkit[images]'") from None
    try:
        with warnings.catch_warnings(), open_regular(path) as file:
            warnings.simplefilter("ignore")  # Pillow warns of odd metadata, which does not change the pixels
            reads: Any = CountedReads(path, file)
            with Image.open(reads, formats=list(FORMATS)) as image:
                require_cheap(path, image, file)
                _require_mode(path, image)
                yield image, file
    except DataError:
        raise
    except Exception as error:  # a damaged file can make Pillow's decoders raise any class
        raise _refuse_damage(path, error) from None


def _require_mode(path: Path, image: Any) -> None:
    if image.mode not in _GREY | _COLOUR:
        hint = f"convert it (ImageMagick: magick {path.name} -depth 8 OUT.png), or store arrays as NPZ"
        raise refuse(path, "8 bits per channel, grey or colour", f"mode {image.mode}", printable(hint))


def _refuse_damage(path: Path, error: Exception) -> DataError:
    said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    got = re.sub(r" <[^<]*>$", "", printable(said)) or type(error).__name__
    return refuse(path, "a complete picture", got, "replace or remove it")
