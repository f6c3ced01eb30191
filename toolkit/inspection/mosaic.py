"""All maps of a tensor side by side, as one picture with indexed colours."""

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cnnkit.exporters.svg.palette import image_indices, image_palette
from cnnkit.exporters.svg.scale import ColourScale
from cnnkit.files.png import Colour, data_uri
from cnnkit.inspection.unit_maps import UnitMaps

Pixels = NDArray[np.uint8]
GAP = 0  # the colour index between maps
_UNIT_GAP = 3
_WIDE = 256  # pixels: the approximate limit of a row of maps


class Mosaic(NamedTuple):
    """A picture of all maps: `across` units in a row, whose tops are `pitch` pixels apart."""

    pixels: Pixels
    across: int
    pitch: int

    def label_rows(self, units: Sequence[int], least: float) -> Iterator[tuple[int, str]]:
        """Yield (top in pixels, "6 to 11") for rows of units, at least `least` pixels apart; units: their numbers."""
        step = max(math.ceil(least / self.pitch), 1)
        for row in range(0, -(-len(units) // self.across), step):
            numbers = units[row * self.across : (row + 1) * self.across]
            yield row * self.pitch, str(numbers[0]) if len(numbers) == 1 else f"{numbers[0]} to {numbers[-1]}"


def index_table() -> NDArray[np.uint8]:
    """Return the colour index of each level; a level is an int8 read as an unsigned byte."""
    table = np.zeros(256, np.uint8)
    for level, index in image_indices().items():
        table[level % 256] = index
    return table


def draw_mosaic(maps: UnitMaps, scale: ColourScale) -> Mosaic:
    """Return the maps (U, C, H, W) as one picture: one row of maps per unit, small units side by side."""
    levels = scale.levels(maps.values)
    pixels: Pixels = np.take(index_table(), levels.view(np.uint8))
    units, channels, height, width = pixels.shape
    if not maps.folded:
        return Mosaic(pixels.reshape(units * channels, height * width), 1, channels)
    columns = channels if channels * (width + 1) <= _WIDE else _count_columns(channels, height, width)
    tile = _lay_grid(pixels.reshape(units * channels, height, width), units, channels, columns)
    gap = 1 if channels == 1 else _UNIT_GAP
    square = _count_columns(2 * units, *tile.shape[1:])  # about twice as wide as tall
    across = max(min(units, square, _WIDE // (tile.shape[2] + gap)), 1)
    return Mosaic(_lay_grid(tile, 1, units, across, gap)[0], across, tile.shape[1] + gap)


def _count_columns(count: int, height: int, width: int) -> int:
    """Return the number of maps per row that makes the whole about square."""
    return max(round(math.sqrt(count * (height + 1) / (width + 1))), 1)


def _lay_grid(pictures: Pixels, groups: int, count: int, columns: int, gap: int = 1) -> Pixels:
    """Return (groups * count, h, w) pictures as (groups, H, W), `columns` in a row, `gap` pixels between."""
    height, width = pictures.shape[1:]
    rows = -(-count // columns)
    placed = np.full((groups, rows * columns, height + gap, width + gap), GAP, np.uint8)
    placed[:, :count, :height, :width] = pictures.reshape(groups, count, height, width)
    grid = placed.reshape(groups, rows, columns, height + gap, width + gap).transpose(0, 1, 3, 2, 4)
    whole: Pixels = grid.reshape(groups, rows * (height + gap), columns * (width + gap))
    return whole[:, :-gap, :-gap]


def mix_palette(paper: tuple[int, int, int] = (255, 255, 255)) -> list[Colour]:
    """Return the palette mixed with a paper colour, without transparency."""
    mixed: list[Colour] = []
    for *colour, alpha in image_palette():
        red, green, blue = (round(p + (c - p) * alpha / 255) for p, c in zip(paper, colour, strict=True))
        mixed.append((red, green, blue, 255))
    return mixed


def encode_uri(pixels: Pixels) -> str:
    """Return a picture as a data URI; zero is transparent, to fit light and dark pages."""
    return data_uri(np.ascontiguousarray(pixels), image_palette())
