"""The maps of tensors as a PNG file: title, names, colour scales, and the numbers of the units beside their rows."""

import io
from typing import TYPE_CHECKING, Any

import numpy as np

from cnnkit.errors import ConfigError
from cnnkit.exporters.svg.scale import STEPS, ColourScale
from cnnkit.files.names import printable
from cnnkit.inspection.layer_svg import Section, describe_scale
from cnnkit.inspection.mosaic import Pixels, draw_mosaic, index_table, mix_palette

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw

_MARGIN, _NUMBERS, _WIDE = 20, 84, 800
_LARGEST = 24  # px, the side of a value
_INK, _SOFT, _LINE = (22, 25, 29), (88, 96, 107), (185, 192, 201)
_BAR, _BAR_TALL = 4, 12
_COLOURS = np.array(mix_palette(), np.uint8)[:, :3]


def draw(title: str, sections: list[Section]) -> bytes:
    """Return a PNG file on white. Raises ConfigError when Pillow is not installed."""
    try:
        from PIL import Image, ImageDraw
    except ImportError:
        hint = "type pip install 'cnnkit[images]', or choose a name that ends with .svg"
        raise ConfigError(f"drawing a PNG needs Pillow: {hint}") from None
    mosaics = [draw_mosaic(section.maps, section.scale) for section in sections]
    widest = max(mosaic.pixels.shape[1] for mosaic in mosaics)
    factor = max(min(_WIDE // widest, _LARGEST), 1)
    width = 2 * _MARGIN + _NUMBERS + max(widest * factor, _WIDE)
    tops, y = [], 64
    for mosaic in mosaics:
        tops.append(y)
        y += 96 + mosaic.pixels.shape[0] * factor + 28
    image = Image.new("RGB", (width, y), "white")
    pen = ImageDraw.Draw(image)
    _write(pen, (_MARGIN, 18), title, 22, _INK)
    for section, mosaic, top in zip(sections, mosaics, tops, strict=True):
        tensor = section.tensor
        heading = f"{printable(tensor.name)}: {' x '.join(map(str, tensor.shape))}, {tensor.dtype}"
        _write(pen, (_MARGIN, top), heading, 16, _INK)
        _draw_scale(image, pen, section.scale, top + 26)
        corner = _MARGIN + _NUMBERS, top + 96
        if section.maps.axis is not None:
            _write(pen, (corner[0] - 8, top + 76), section.maps.word, 13, _SOFT, "ra")
            for row, text in mosaic.label_rows(section.units, 16 / factor):
                _write(pen, (corner[0] - 8, corner[1] + row * factor), text, 13, _SOFT, "ra")
        _paste(image, mosaic.pixels, corner, factor)
        tall, wide = mosaic.pixels.shape
        pen.rectangle(
            (corner[0] - 1, corner[1] - 1, corner[0] + wide * factor, corner[1] + tall * factor), outline=_LINE
        )
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue()


def _write(
    pen: "ImageDraw", place: tuple[float, float], text: str, size: int, colour: tuple[int, ...], anchor: str = "la"
) -> None:
    from PIL import ImageFont

    font: Any = ImageFont.load_default(size)
    pen.text(place, text, colour, font, anchor)


def _draw_scale(image: "Image", pen: "ImageDraw", scale: ColourScale, y: int) -> None:
    """Draw the bar of colours, the values at its ends and in its middle, and the scale in words."""
    bar = index_table()[np.arange(-STEPS, STEPS + 1).astype(np.int8).view(np.uint8)][None]
    _paste(image, np.repeat(bar, _BAR_TALL // _BAR, axis=0), (_MARGIN, y), _BAR)
    wide = _BAR * (2 * STEPS + 1)
    pen.rectangle((_MARGIN - 1, y - 1, _MARGIN + wide, y + _BAR_TALL), outline=_LINE)
    for share, text, anchor in ((0, f"-{scale.limit:.4g}", "la"), (0.5, "0", "ma"), (1, f"+{scale.limit:.4g}", "ra")):
        _write(pen, (_MARGIN + share * wide, y + _BAR_TALL + 4), text, 13, _SOFT, anchor)
    _write(pen, (_MARGIN + wide + 16, y - 2), describe_scale(scale), 13, _SOFT)


def _paste(image: "Image", pixels: Pixels, corner: tuple[int, int], factor: int) -> None:
    from PIL import Image

    colours = _COLOURS[np.repeat(np.repeat(pixels, factor, 0), factor, 1)]
    image.paste(Image.fromarray(colours), corner)
