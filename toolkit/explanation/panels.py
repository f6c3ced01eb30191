"""Rows of small pictures with captions, as one PNG or SVG file."""

import io
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cnnkit.errors import ConfigError
from cnnkit.exporters.svg.canvas import Canvas, Element
from cnnkit.exporters.svg.lettering import cut, measure
from cnnkit.exporters.svg.palette import style_sheet
from cnnkit.files.names import printable
from cnnkit.files.png import photo_uri

Pixels = NDArray[np.uint8]
_MARGIN, _GAP, _LINE, _CAPTION = 20, 14, 20, 18  # px
_HEADING = 96  # px at the left of the rows
_INK, _SOFT = (22, 25, 29), (88, 96, 107)
_BEYOND = (214, 205, 222)  # where a picture has no pixel


class Panel(NamedTuple):
    """A picture, pixels (H, W, 3), and a line below it."""

    pixels: Pixels
    caption: str


class PanelRow(NamedTuple):
    """Panels beside one another, and what they are in a word or two."""

    heading: str
    panels: Sequence[Panel]


class _Place(NamedTuple):
    """Where a panel stands: its corner and size in px."""

    x: int
    y: int
    wide: int
    tall: int


def to_pixels(picture: NDArray[np.float64]) -> Pixels:
    """Return a picture (C, H, W), values in [0, 1], as pixels (H, W, 3); NaN has a colour of its own."""
    colours = picture if len(picture) == 3 else np.repeat(picture.mean(axis=0, keepdims=True), 3, axis=0)
    shares = np.rint(255 * np.clip(np.nan_to_num(colours), 0, 1)).transpose(1, 2, 0)
    beyond = np.isnan(colours).any(axis=0)
    shares[beyond] = _BEYOND
    pixels: Pixels = shares.astype(np.uint8)
    return pixels


def draw_svg(title: str, notes: Sequence[str], rows: Sequence[PanelRow], side: int) -> str:
    """Return the rows as the text of an SVG file; side: of a picture's longer edge in px."""
    canvas, places, (width, height) = Canvas(), *_plan(notes, rows, side)
    room = width - 2 * _MARGIN
    body: list[Element] = [canvas.text(_MARGIN, _MARGIN + 18, cut(printable(title, 300), room, 20), "h1")]
    body += [
        canvas.text(_MARGIN, _MARGIN + 40 + _LINE * k, cut(printable(note, 300), room), "s")
        for k, note in enumerate(notes)
    ]
    for row, places_of_row in zip(rows, places, strict=True):
        if row.heading and places_of_row:
            body.append(canvas.text(_MARGIN, places_of_row[0].y + 14, row.heading, "b"))
        for panel, place in zip(row.panels, places_of_row, strict=True):
            body.append(canvas.image(*place, photo_uri(panel.pixels), panel.caption, "photo"))
            caption = cut(panel.caption, place.wide + _GAP, 11)
            body.append(canvas.text(place.x, place.y + place.tall + 14, caption, "s"))
    return canvas.page(title, " ".join(notes), style_sheet(), body, (width, height))


def draw_png(title: str, notes: Sequence[str], rows: Sequence[PanelRow], side: int) -> bytes:
    """Return the rows as a PNG file on white. Raises ConfigError when Pillow is not installed."""
    try:
        from PIL import Image, ImageDraw, ImageFont
    except ImportError:
        hint = "type pip install 'cnnkit[images]', or choose a name that ends with .svg"
        raise ConfigError(f"drawing a PNG needs Pillow: {hint}") from None
    places, size = _plan(notes, rows, side)
    image = Image.new("RGB", size, "white")
    pen = ImageDraw.Draw(image)
    room = size[0] - 2 * _MARGIN

    def write(x: float, y: float, text: str, height: int, colour: tuple[int, ...], wide: float) -> None:
        pen.text((x, y), cut(text, wide, height), colour, ImageFont.load_default(height))

    write(_MARGIN, _MARGIN - 2, printable(title, 300), 20, _INK, room)
    for k, note in enumerate(notes):
        write(_MARGIN, _MARGIN + 28 + _LINE * k, printable(note, 300), 13, _SOFT, room)
    for row, places_of_row in zip(rows, places, strict=True):
        if places_of_row:
            write(_MARGIN, places_of_row[0].y, row.heading, 13, _INK, _HEADING)
        for panel, place in zip(row.panels, places_of_row, strict=True):
            small = Image.fromarray(np.ascontiguousarray(panel.pixels))
            image.paste(small.resize((place.wide, place.tall), Image.Resampling.NEAREST), (place.x, place.y))
            write(place.x, place.y + place.tall + 2, panel.caption, 11, _SOFT, place.wide + _GAP)
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue()


def _plan(notes: Sequence[str], rows: Sequence[PanelRow], side: int) -> tuple[list[list[_Place]], tuple[int, int]]:
    """Return the places of the panels of each row, and the size of the whole in px."""
    y = _MARGIN + 34 + _LINE * len(notes)
    indent = _HEADING if any(row.heading for row in rows) else 0
    places: list[list[_Place]] = []
    right = 640
    for row in rows:
        x, tallest = _MARGIN + indent, 0
        places.append([])
        for panel in row.panels:
            tall, wide = (max(round(n * side / max(panel.pixels.shape[:2])), 1) for n in panel.pixels.shape[:2])
            places[-1].append(_Place(x, y, wide, tall))
            x += max(wide, min(round(measure(panel.caption, 11)), side)) + _GAP
            tallest = max(tallest, tall)
        right, y = max(right, x), y + tallest + _CAPTION + 8
    return places, (right + _MARGIN, y + _MARGIN - 8)
