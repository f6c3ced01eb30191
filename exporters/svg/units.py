"""Kernels and neurons: a block for each output, made of a map for each input channel."""

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from cnnkit.exporters.svg.canvas import MARGIN, ROOM, Element
from cnnkit.exporters.svg.lettering import shown, signed, width
from cnnkit.exporters.svg.palette import image_palette
from cnnkit.exporters.svg.png import data_uri
from cnnkit.exporters.svg.sheet import Sheet, Values
from cnnkit.exporters.svg.strips import LABEL
from cnnkit.exporters.svg.tiles import Cells, cell, pixel_indices, tile, titles

_COLUMN = (ROOM - LABEL) // 8
_CAPTION = 19


class Form(NamedTuple):
    """units blocks of maps tiles of `size` values, `columns` of them a row; what a unit is called."""

    units: int
    maps: int
    size: int
    columns: int
    noun: str


class _Plan(NamedTuple):
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


def draw_units(sheet: Sheet, values: Values, bias: Values | None, form: Form) -> bool:
    """Put all units on the page. Return whether the bias has found its place at them."""
    plan = _planned(values, form)
    block = block_of(form, plan.maps_a_line, plan.cells, plan.gap)
    fits = bias is not None and bias.titled and (plan.beside or block[0] >= 38)
    left = MARGIN + plan.indent
    most = 1 if plan.beside else max(int((ROOM - plan.indent + plan.pitch - block[0]) // plan.pitch), 1)
    a_row = -(-form.units // -(-form.units // most))  # rows of the same length
    for first in range(0, form.units, a_row):
        for unit in range(first, min(first + a_row, form.units)):
            x = left + (unit - first) * plan.pitch
            top = sheet.y if plan.beside else sheet.y + _CAPTION
            drawn = list(_maps(sheet, values, form, plan, unit, (x, top)))
            drawn += _caption(sheet, bias if fits else None, form, plan, unit, (x, sheet.y), block)
            if fits and bias is not None and plan.numbers:
                drawn += _bias(sheet, bias, unit, (x, top + block[1] + 7))
            sheet.add(sheet.canvas.group(drawn, "u"))
        sheet.y += block[1] + (14 if plan.beside else _CAPTION + 12) + (20 if fits and plan.numbers else 0)
    return fits


def has_numbers(values: Values, form: Form) -> bool:
    """Return whether cells are few enough to be large and carry numbers."""
    few = form.units * form.maps * form.size <= 500
    return values.titled and few and max(-(-form.size // form.columns), form.columns) <= 5


def _planned(values: Values, form: Form) -> _Plan:
    total = form.units * form.maps * form.size
    if has_numbers(values, form):
        cells = Cells(form.columns, 40, 40)
        if form.maps == 1:
            wide = form.columns * 40
            aligned = wide + 8 <= _COLUMN
            return _Plan(cells, 0, 1, _COLUMN if aligned else wide + 14, LABEL if aligned else 0, True, False)
        line = max(1, min(form.maps, int((ROOM - LABEL) // (form.columns * 40 + 8))))
        return _Plan(cells, 8, line, line * (form.columns * 40 + 8) + 12, 0, True, False)
    if values.titled and form.units <= 16 and 2 <= form.maps <= 64:
        room = (ROOM - LABEL) // max(form.maps, 8)
        side = min((room - 6) // form.columns, 12 if total <= 5000 else 8)
        if side >= 3:
            gap = room - side * form.columns if form.maps == 8 else min(room - side * form.columns, 12)
            return _Plan(Cells(form.columns, side, side), gap, form.maps, 0, LABEL, False, True)
    size = next((s for s, most in ((12, 5000), (6, 20_000), (4, 40_000)) if total <= most), 3) if values.titled else 1
    while size > 1 and size * form.columns > ROOM:
        size -= 1
    cells, gap = Cells(form.columns, size, size), 4 if size >= 6 else 2 if size > 1 else 1
    fitting = max(int((ROOM + gap) // (cells.extent(form.size)[0] + gap)), 1)
    line = min(_oblong(form.maps), fitting)
    broad = max(block_of(form, line, cells, gap)[0], width(str(form.units), 11) + 4)
    return _Plan(cells, gap, line, broad + (14 if broad > 30 else 8), 0, False, False)


def _oblong(maps: int) -> int:
    """Return how many maps a line make full lines, up to twice as many as there are lines."""
    least = math.ceil(math.sqrt(maps))
    return maps if maps <= 4 else next((n for n in range(least, 2 * least + 1) if maps % n == 0), least)


def _maps(
    sheet: Sheet, values: Values, form: Form, plan: _Plan, unit: int, at: tuple[float, float]
) -> Iterator[Element]:
    first = unit * form.maps * form.size
    if not values.titled:
        yield from _pixels(sheet, values, form, plan, unit, at)
        return
    w, h = plan.cells.extent(form.size)
    for index in range(form.maps):
        line, column = divmod(index, plan.maps_a_line)
        place = (at[0] + column * (w + plan.gap), at[1] + line * (h + plan.gap))
        begin = first + index * form.size
        yield tile(sheet.canvas, values, begin, begin + form.size, place, plan.cells, plan.numbers)


def _pixels(
    sheet: Sheet, values: Values, form: Form, plan: _Plan, unit: int, at: tuple[float, float]
) -> Iterator[Element]:
    """Yield one image of all maps of a unit, transparent between them."""
    rows, columns = -(-form.size // form.columns), min(form.size, form.columns)
    lines = -(-form.maps // plan.maps_a_line)
    begin = unit * form.maps * form.size
    padded = np.zeros((lines * plan.maps_a_line, rows * columns), np.uint8)
    padded[: form.maps, : form.size] = pixel_indices(values, begin, begin + form.maps * form.size).reshape(
        form.maps, form.size
    )
    grid = np.zeros((lines, rows + plan.gap, plan.maps_a_line, columns + plan.gap), np.uint8)
    grid[:, :rows, :, :columns] = padded.reshape(lines, plan.maps_a_line, rows, columns).transpose(0, 2, 1, 3)
    picture = grid.reshape(lines * (rows + plan.gap), -1)[: -plan.gap, : -plan.gap]
    height, wide = picture.shape
    size = plan.cells.w
    name = f"{shown(values.tensor.name, 40)}, {form.noun} {unit}: {form.maps * form.size:,} values"
    yield sheet.canvas.rect(*at, wide * size, height * size, "z")
    yield sheet.canvas.image(*at, wide * size, height * size, data_uri(picture, image_palette()), name)


def _caption(
    sheet: Sheet,
    bias: Values | None,
    form: Form,
    plan: _Plan,
    unit: int,
    at: tuple[float, float],
    block: tuple[float, float],
) -> Iterator[Element]:
    canvas, (x, y) = sheet.canvas, at
    if form.noun == "output" and not plan.beside:
        return
    long = f"{form.noun} {unit}" if form.noun != "output" else "output"
    room = block[0]
    if plan.beside:
        y += min(block[1] / 2 - 8, 30) if block[1] > 40 else 0
        yield canvas.text(MARGIN, y + 12, long, "b")
        if bias is not None:
            yield from _bias(sheet, bias, unit, (MARGIN, y + 20))
        return
    words = long if (room >= 76 and plan.numbers) or form.units == 1 else str(unit)
    yield canvas.text(x, y + 12, words, "b" if room >= 60 else "s")
    if bias is None or plan.numbers:
        return
    number = signed(float(bias.flat[unit]))
    title = titles(bias, unit, unit + 1)[0]
    if room >= width(words, bold=True) + width(number) + 26:
        yield canvas.text(x + room, y + 12, number, "s r")
        yield cell(canvas, int(bias.levels[unit]), (x + room - width(number) - 16, y + 2), (12, 12), title)
    else:
        yield cell(canvas, int(bias.levels[unit]), (x + room - 12, y + 2), (12, 12), title)


def _bias(sheet: Sheet, bias: Values, unit: int, at: tuple[float, float]) -> Iterator[Element]:
    x, y = at
    yield cell(sheet.canvas, int(bias.levels[unit]), at, (13, 13), titles(bias, unit, unit + 1)[0])
    yield sheet.canvas.text(x + 19, y + 11, f"bias {signed(float(bias.flat[unit]))}", "s")
