"""Kernels and neurons: a block for each output, made of a map for each input channel."""

from collections.abc import Iterator

import numpy as np

from cnnkit.exporters.svg.canvas import MARGIN, ROOM, Element, Sheet
from cnnkit.exporters.svg.lettering import alike, shown, width
from cnnkit.exporters.svg.palette import image_palette
from cnnkit.exporters.svg.plans import Form, Plan, block_of, planned
from cnnkit.exporters.svg.png import data_uri
from cnnkit.exporters.svg.scale import ScaledTensor
from cnnkit.exporters.svg.strips import LABEL
from cnnkit.exporters.svg.tiles import cell, pixel_indices, tile, titles

_CAPTION = 19


def draw_units(sheet: Sheet, values: ScaledTensor, bias: ScaledTensor | None, form: Form) -> bool:
    """Put all units on the page. Return whether the bias has found its place at them."""
    plan = planned(values, form)
    block = block_of(form, plan.maps_a_line, plan.cells, plan.gap)
    fits = bias is not None and bias.titled and (plan.beside or block[0] >= 38)
    left = MARGIN + plan.indent
    most = max(int((ROOM - plan.indent + plan.pitch - block[0]) // plan.pitch), 1)
    a_row = -(-form.units // -(-form.units // most))  # rows of the same length
    if plan.beside:
        _columns(sheet, form, plan, [left + i * plan.pitch for i in range(a_row)])
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


def _columns(sheet: Sheet, form: Form, plan: Plan, lefts: list[float]) -> None:
    """Put on the page, above the maps, of which channel they are."""
    wide = plan.cells.extent(form.size)[0]
    words = [f"channel {index}" for index in range(form.maps)]
    if max(map(width, words)) > wide + plan.gap - 4:
        words = [str(index) for index in range(form.maps)]
        sheet.add(sheet.canvas.text(lefts[0] - LABEL, sheet.y + 11, "channel", "s"))
    for left in lefts:
        for index, word in enumerate(words):
            sheet.add(sheet.canvas.text(left + index * (wide + plan.gap), sheet.y + 11, word, "s"))
    sheet.y += 18


def _maps(
    sheet: Sheet, values: ScaledTensor, form: Form, plan: Plan, unit: int, at: tuple[float, float]
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
    sheet: Sheet, values: ScaledTensor, form: Form, plan: Plan, unit: int, at: tuple[float, float]
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
    bias: ScaledTensor | None,
    form: Form,
    plan: Plan,
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
        yield canvas.text(x - LABEL, y + 12, long, "b")
        if bias is not None:
            yield from _bias(sheet, bias, unit, (x - LABEL, y + 20))
        return
    words = long if (room >= 76 and plan.numbers) or form.units == 1 else str(unit)
    yield canvas.text(x, y + 12, words, "b" if room >= 60 else "s")
    if bias is None or plan.numbers:
        return
    number = alike(float(bias.flat[unit]), bias.scale.largest)
    title = titles(bias, unit, unit + 1)[0]
    yield cell(canvas, int(bias.levels[unit]), (x + room - 12, y + 2), (12, 12), title)
    if room >= width(words, bold=True) + width(number) + 26:
        yield canvas.text(x + room - 17, y + 12, number, "s r")


def _bias(sheet: Sheet, bias: ScaledTensor, unit: int, at: tuple[float, float]) -> Iterator[Element]:
    x, y = at
    yield cell(sheet.canvas, int(bias.levels[unit]), at, (13, 13), titles(bias, unit, unit + 1)[0])
    yield sheet.canvas.text(x + 19, y + 11, f"bias {alike(float(bias.flat[unit]), bias.scale.largest)}", "s")
