"""A tensor planned as blocks of maps: the size of a cell, maps per line, blocks per row, the place of captions."""

import math
from dataclasses import dataclass
from typing import NamedTuple

from cnnkit.exporters.svg.canvas import LABEL, ROOM, Cells
from cnnkit.exporters.svg.lettering import CellNumbers, measure

NUMBERED = 40  # px: a number is legible in a cell as wide
_EIGHTH = (ROOM - LABEL) // 8
_Layout = tuple[Cells, int, int, float, float, bool]  # cells, gap, maps_per_line, pitch, indent, beside


class Folding(NamedTuple):
    """A tensor cut into `units` blocks of `maps` maps, each of `size` values in lines of `columns`.

    noun: what a unit is called.
    """

    units: int
    maps: int
    size: int
    columns: int
    noun: str


@dataclass(frozen=True)
class Blocks:
    """One block of maps per kernel or neuron; all lengths in px.

    numbers: writes the numbers in the cells, None where there are none. note: how to read the blocks. gap: between
    maps. pitch: from block to block. indent: before the first block. beside: the caption stands at the left of its
    block, not above it. per_row: blocks in a row. has_bias_room: each can show its bias.
    """

    folding: Folding
    numbers: CellNumbers | None
    note: str
    cells: Cells
    gap: int
    maps_per_line: int
    pitch: float
    indent: float
    beside: bool
    width: float
    height: float
    per_row: int
    has_bias_room: bool

    @property
    def outputs(self) -> int:
        """The number of blocks."""
        return self.folding.units


def plan_blocks(folding: Folding, numbers: CellNumbers | None, note: str, titled: bool) -> Blocks:
    """Return the plan of blocks: large cells for numbers, a column per channel where that fits, or else small cells."""
    layout = _lay_out_numbered(folding) if numbers else _lay_out_channels(folding) if titled else None
    cells, gap, line, pitch, indent, beside = layout = layout or _lay_out_small(folding, titled)
    w, h = cells.extent(folding.size)
    wide = min(line, folding.maps) * (w + gap) - gap
    tall = -(-folding.maps // line) * (h + gap) - gap
    most = max(int((ROOM - indent + pitch - wide) // pitch), 1)
    per_row = -(-folding.units // -(-folding.units // most))  # rows of the same length
    return Blocks(folding, numbers, note, *layout, wide, tall, per_row, beside or wide >= 38)


def _lay_out_numbered(folding: Folding) -> _Layout:
    """Return the layout of blocks whose cells are large enough for numbers."""
    units, maps, _, columns, _ = folding
    wide = columns * NUMBERED
    cells = Cells(columns, NUMBERED, NUMBERED)
    if maps == 1 and wide + 8 <= _EIGHTH:
        return cells, 0, 1, _EIGHTH, LABEL, False
    if maps == 1:
        sizes = (size for size in (40, 38, 37) if units * (columns * size + 14) - 14 <= ROOM)
        side = next(sizes, NUMBERED)  # a little smaller where that puts all in one row
        return Cells(columns, side, side), 0, 1, columns * side + 14, 0, False
    most = max(1, min(maps, int((ROOM - LABEL) // (wide + 8))))
    line = next((n for n in range(most, most // 2, -1) if maps % n == 0), most)  # full lines where possible
    return cells, 8, line, line * (wide + 8) + 12, 0, False


def _lay_out_channels(folding: Folding) -> _Layout | None:
    """Return the layout of few blocks of several maps each, one column per channel; None where they do not fit."""
    units, maps, size, columns, _ = folding
    if units > 16 or not 2 <= maps <= 64:
        return None
    room = (ROOM - LABEL) // max(maps, 8)
    side = min((room - 6) // columns, 12 if units * maps * size <= 5000 else 8)
    if side < 3:
        return None
    gap = room - side * columns if maps == 8 else min(room - side * columns, 12)
    whole = LABEL + maps * (side * columns + gap) - gap + 24
    per_row = 1 if maps == 8 else (ROOM + 24) // whole
    return Cells(columns, side, side), gap, maps, (ROOM + 24) // per_row, LABEL, True


def _lay_out_small(folding: Folding, titled: bool) -> _Layout:
    """Return the layout of blocks of small cells, or of pixels, captions above."""
    units, maps, size, columns, _ = folding
    total = units * maps * size
    side = next((s for s, most in ((12, 5000), (6, 20_000), (4, 40_000)) if total <= most), 3) if titled else 1
    while side > 1 and side * columns > ROOM:
        side -= 1
    cells, gap = Cells(columns, side, side), 4 if side >= 6 else 2 if side > 1 else 1
    wide = cells.extent(size)[0]
    line = min(_find_full_lines(maps), max(int((ROOM + gap) // (wide + gap)), 1))
    broad = max(min(line, maps) * (wide + gap) - gap, measure(str(units), 11) + 4)
    pitch: float = broad + (14 if broad > 30 else 8)
    most = max(int((ROOM + pitch - broad) // pitch), 1)
    per_row = -(-units // -(-units // most))
    if 1 < per_row < units:  # rows that end where the page does
        pitch = min(math.floor((ROOM - broad) / (per_row - 1)), math.floor(1.3 * pitch))
    return cells, gap, line, pitch, 0, False


def _find_full_lines(maps: int) -> int:
    """Return how many maps per line make full lines, up to twice as many as there are lines."""
    least = math.ceil(math.sqrt(maps))
    return maps if maps <= 4 else next((n for n in range(least, 2 * least + 1) if maps % n == 0), least)
