"""Tiles: values of a tensor as cells in rows, each with its exact value on hover, or as the pixels of an image."""

import numpy as np

from cnnkit.exporters.svg.canvas import Canvas, Cells, Element
from cnnkit.exporters.svg.lettering import CellNumbers, make_safe
from cnnkit.exporters.svg.palette import css_class, image_indices, image_palette, text_class
from cnnkit.exporters.svg.scale import NAN, NEGATIVE_INFINITY, POSITIVE_INFINITY, ScaledTensor
from cnnkit.files.png import data_uri

_LOOKUP = np.zeros(256, np.uint8)  # the palette index of each level, an int8 seen as uint8
for _level, _index in image_indices().items():
    _LOOKUP[_level & 255] = _index


def draw_tile(
    canvas: Canvas,
    values: ScaledTensor,
    begin: int,
    end: int,
    at: tuple[float, float],
    cells: Cells,
    numbers: CellNumbers | None = None,
) -> Element:
    """Return the values begin..end (flat indices) as one tile, its corner at `at`."""
    if not values.titled:
        return canvas.group(draw_pixels(canvas, values, begin, (1, end - begin), 1, 0, at, cells, ""))
    x, y = at
    drawn = [canvas.rect(x, y, *cells.extent(end - begin), "z")]
    for offset, title in enumerate(write_titles(values, begin, end)):
        row, column = divmod(offset, cells.columns)
        corner = (x + column * cells.w, y + row * cells.h)
        level = int(values.levels[begin + offset])
        drawn.append(draw_cell(canvas, level, corner, (cells.w, cells.h), title))
        if numbers is not None and abs(level) != POSITIVE_INFINITY:
            words = numbers.text(float(values.flat[begin + offset]))
            name = "v k" if level == NAN else text_class(level)
            drawn.append(canvas.text(corner[0] + cells.w / 2, corner[1] + cells.h / 2 + 4, words, name))
    return canvas.group(drawn)


def draw_pixels(
    canvas: Canvas,
    values: ScaledTensor,
    begin: int,
    shape: tuple[int, int],
    maps_per_line: int,
    gap: int,
    at: tuple[float, float],
    cells: Cells,
    name: str,
) -> list[Element]:
    """Return (maps, size) = `shape` values from flat index `begin` as one image, transparent in the gaps between maps.

    name: what the values are, said behind the name of the tensor.
    """
    maps, size = shape
    rows, columns = -(-size // cells.columns), min(size, cells.columns)
    lines = -(-maps // maps_per_line)
    padded = np.zeros((lines * maps_per_line, rows * columns), np.uint8)
    padded[:maps, :size] = _LOOKUP[values.levels[begin : begin + maps * size].view(np.uint8)].reshape(shape)
    grid = np.zeros((lines, rows + gap, maps_per_line, columns + gap), np.uint8)
    grid[:, :rows, :, :columns] = padded.reshape(lines, maps_per_line, rows, columns).transpose(0, 2, 1, 3)
    height, width = lines * (rows + gap) - gap, maps_per_line * (columns + gap) - gap
    pixels = grid.reshape(lines * (rows + gap), -1)[:height, :width]
    box = (*at, width * cells.w, height * cells.h)
    title = f"{make_safe(values.tensor.name, 40)}{name}: {maps * size:,} values"
    return [canvas.rect(*box, "z"), canvas.image(*box, data_uri(pixels, image_palette()), title)]


def draw_value_cell(canvas: Canvas, values: ScaledTensor, index: int, at: tuple[float, float], side: float) -> Element:
    """Return the cell of one value, with its title."""
    return draw_cell(canvas, int(values.levels[index]), at, (side, side), write_titles(values, index, index + 1)[0])


def draw_cell(canvas: Canvas, level: int, at: tuple[float, float], size: tuple[float, float], title: str) -> Element:
    """Return one cell: colour, hatch for NaN, triangle for an infinity."""
    (x, y), (w, h) = at, size
    seam = 1 if min(w, h) >= 6 else 0
    if level == NAN:
        return canvas.rect(x, y, w - seam, h - seam, "nan", title, fill="url(#nan)")
    if level in (POSITIVE_INFINITY, NEGATIVE_INFINITY):
        base, tip = (y + h * 0.85, y + h * 0.15) if level > 0 else (y + h * 0.15, y + h * 0.85)
        return canvas.path(f"M{x + w * 0.15:g} {base:g}H{x + w * 0.85:g}L{x + w * 0.5:g} {tip:g}Z", "inf", title)
    return canvas.rect(x, y, w - seam, h - seam, css_class(level), title)


def write_titles(values: ScaledTensor, begin: int, end: int) -> list[str]:
    """Return "name[o,i,y,x] = value" for the flat indices begin..end."""
    name = make_safe(values.tensor.name, 40)
    exact = values.digits[begin:end]
    if not values.tensor.shape:
        return [f"{name} = {text}" for text in exact]
    indices = zip(*(part.tolist() for part in np.unravel_index(range(begin, end), values.tensor.shape)), strict=True)
    return [f"{name}[{','.join(map(str, index))}] = {text}" for index, text in zip(indices, exact, strict=True)]
