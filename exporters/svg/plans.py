"""How blocks of maps are laid out: the size of a cell, maps a line, blocks a row, where captions stand."""

import math
from typing import NamedTuple

from cnnkit.exporters.svg.canvas import ROOM
from cnnkit.exporters.svg.lettering import width
from cnnkit.exporters.svg.scale import ScaledTensor
from cnnkit.exporters.svg.strips import LABEL
from cnnkit.exporters.svg.tiles import Cells

_COLUMN = (ROOM - LABEL) // 8


class Form(NamedTuple):
    """units blocks of maps tiles of `size` values, `columns` of them a row; what a unit is called."""

    units: int
    maps: int
    size: int
    columns: int
    noun: str


class Plan(NamedTuple):
    """gap: px between maps. pitch: from block to block. indent: of the first. numbers: whether cells carry them."""

    cells: Cells
    gap: int
    maps_a_line: int
    pitch: float
    indent: float
    numbers: bool
    beside: bool  # the caption stands at the left of its block, not above


def block_of(form: Form, line: int, cells: Cells, gap: int) -> tuple[float, float]:
    """Return (width, height) in px of a block with `line` maps a line."""
    w, h = cells.extent(form.size)
    lines = -(-form.maps // line)
    return min(line, form.maps) * (w + gap) - gap, lines * (h + gap) - gap


def has_numbers(values: ScaledTensor, form: Form) -> bool:
    """Return whether cells are few enough to be large and carry numbers."""
    few = form.units * form.maps * form.size <= 500
    return values.titled and few and max(-(-form.size // form.columns), form.columns) <= 5


def planned(values: ScaledTensor, form: Form) -> Plan:
    """Return the plan that shows a tensor best."""
    total = form.units * form.maps * form.size
    if has_numbers(values, form):
        cells = Cells(form.columns, 40, 40)
        if form.maps == 1 and form.columns * 40 + 8 <= _COLUMN:
            return Plan(cells, 0, 1, _COLUMN, LABEL, True, False)
        if form.maps == 1:
            sizes = (size for size in (40, 38, 37) if form.units * (form.columns * size + 14) - 14 <= ROOM)
            side = next(sizes, 40)  # a little smaller where that puts all in one row
            return Plan(Cells(form.columns, side, side), 0, 1, form.columns * side + 14, 0, True, False)
        line = max(1, min(form.maps, int((ROOM - LABEL) // (form.columns * 40 + 8))))
        line = next((n for n in range(line, line // 2, -1) if form.maps % n == 0), line)  # full lines where it can be
        return Plan(cells, 8, line, line * (form.columns * 40 + 8) + 12, 0, True, False)
    if values.titled and form.units <= 16 and 2 <= form.maps <= 64:
        room = (ROOM - LABEL) // max(form.maps, 8)
        side = min((room - 6) // form.columns, 12 if total <= 5000 else 8)
        if side >= 3:
            gap = room - side * form.columns if form.maps == 8 else min(room - side * form.columns, 12)
            whole = LABEL + form.maps * (side * form.columns + gap) - gap + 24
            a_row = 1 if form.maps == 8 else (ROOM + 24) // whole
            return Plan(Cells(form.columns, side, side), gap, form.maps, (ROOM + 24) // a_row, LABEL, False, True)
    size = next((s for s, most in ((12, 5000), (6, 20_000), (4, 40_000)) if total <= most), 3) if values.titled else 1
    while size > 1 and size * form.columns > ROOM:
        size -= 1
    cells, gap = Cells(form.columns, size, size), 4 if size >= 6 else 2 if size > 1 else 1
    fitting = max(int((ROOM + gap) // (cells.extent(form.size)[0] + gap)), 1)
    line = min(_oblong(form.maps), fitting)
    broad = max(block_of(form, line, cells, gap)[0], width(str(form.units), 11) + 4)
    pitch: float = broad + (14 if broad > 30 else 8)
    most = max(int((ROOM + pitch - broad) // pitch), 1)
    a_row = -(-form.units // -(-form.units // most))
    if 1 < a_row < form.units:  # rows that end where the page does
        pitch = min(math.floor((ROOM - broad) / (a_row - 1)), math.floor(1.3 * pitch))
    return Plan(cells, gap, line, pitch, 0, False, False)


def _oblong(maps: int) -> int:
    """Return how many maps a line make full lines, up to twice as many as there are lines."""
    least = math.ceil(math.sqrt(maps))
    return maps if maps <= 4 else next((n for n in range(least, 2 * least + 1) if maps % n == 0), least)
