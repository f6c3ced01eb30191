"""A tile: some values of a tensor as cells in rows, each with its exact value on hover, or as pixels of an image."""

import numpy as np
from numpy.typing import NDArray

from cnnkit.exporters.svg.canvas import Canvas, Cells, Element
from cnnkit.exporters.svg.lettering import CellNumbers, shown
from cnnkit.exporters.svg.palette import css_class, image_indices, image_palette, text_class
from cnnkit.exporters.svg.png import data_uri
from cnnkit.exporters.svg.scale import NAN, NEGATIVE_INFINITY, POSITIVE_INFINITY, ScaledTensor

_INDICES = image_indices()
_LOOKUP = np.zeros(256, np.uint8)
for _level, _index in _INDICES.items():
    _LOOKUP[_level & 255] = _index


def tile(
    canvas: Canvas,
    values: ScaledTensor,
    begin: int,
    end: int,
    at: tuple[float, float],
    cells: Cells,
    numbers: CellNumbers | None = None,
) -> Element:
    """Return the values begin..end (flat indices) as one tile, its corner at `at`."""
    x, y = at
    width, height = cells.extent(end - begin)
    background = canvas.rect(x, y, width, height, "z")
    if not values.titled:
        return canvas.group([background, _image(canvas, values, begin, end, at, cells)])
    drawn = [background]
    for offset, title in enumerate(titles(values, begin, end)):
        row, column = divmod(offset, cells.columns)
        place = (x + column * cells.w, y + row * cells.h)
        level = int(values.levels[begin + offset])
        drawn.append(cell(canvas, level, place, (cells.w, cells.h), title))
        if numbers is not None and abs(level) != POSITIVE_INFINITY:
            words = numbers.text(float(values.flat[begin + offset]))
            name = "v k" if level == NAN else text_class(level)
            drawn.append(canvas.text(place[0] + cells.w / 2, place[1] + cells.h / 2 + 4, words, name))
    return canvas.group(drawn)


def cell(canvas: Canvas, level: int, at: tuple[float, float], size: tuple[float, float], title: str) -> Element:
    """Return one cell: colour, hatch for NaN, triangle for an infinity."""
    (x, y), (w, h) = at, size
    seam = 1 if min(w, h) >= 6 else 0
    if level == NAN:
        return canvas.rect(x, y, w - seam, h - seam, "nan", title, fill="url(#nan)")
    if level in (POSITIVE_INFINITY, NEGATIVE_INFINITY):
        base, tip = (y + h * 0.85, y + h * 0.15) if level > 0 else (y + h * 0.15, y + h * 0.85)
        return canvas.path(f"M{x + w * 0.15:g} {base:g}H{x + w * 0.85:g}L{x + w * 0.5:g} {tip:g}Z", "inf", title)
    return canvas.rect(x, y, w - seam, h - seam, css_class(level), title)


def titles(values: ScaledTensor, begin: int, end: int) -> list[str]:
    """Return "name[o,i,y,x] = value" for the flat indices begin..end."""
    name = shown(values.tensor.name, 40)
    exact = values.digits[begin:end]
    if not values.tensor.shape:
        return [f"{name} = {text}" for text in exact]
    indices = zip(*(part.tolist() for part in np.unravel_index(range(begin, end), values.tensor.shape)), strict=True)
    return [f"{name}[{','.join(map(str, index))}] = {text}" for index, text in zip(indices, exact, strict=True)]


def _image(
    canvas: Canvas, values: ScaledTensor, begin: int, end: int, at: tuple[float, float], cells: Cells
) -> Element:
    width, height = cells.extent(end - begin)
    rows, columns = -(-(end - begin) // cells.columns), min(end - begin, cells.columns)
    pixels = np.zeros(rows * columns, np.uint8)
    pixels[: end - begin] = pixel_indices(values, begin, end)
    uri = data_uri(pixels.reshape(rows, columns), image_palette())
    return canvas.image(*at, width, height, uri, f"{shown(values.tensor.name, 40)}: {end - begin:,} values")


def pixel_indices(values: ScaledTensor, begin: int, end: int) -> NDArray[np.uint8]:
    """Return the palette index of each value begin..end."""
    found: NDArray[np.uint8] = _LOOKUP[values.levels[begin:end].view(np.uint8)]
    return found
