"""Kernels and neurons drawn: one block per output, made of one map per input channel."""

from collections.abc import Iterator

from cnnkit.exporters.svg.block_plan import Blocks
from cnnkit.exporters.svg.canvas import LABEL, MARGIN, Element, Sheet
from cnnkit.exporters.svg.lettering import measure
from cnnkit.exporters.svg.scale import ScaledTensor
from cnnkit.exporters.svg.tiles import draw_pixels, draw_tile, draw_value_cell

_CAPTION = 19
_Point = tuple[float, float]


def draw_blocks(sheet: Sheet, values: ScaledTensor, bias: ScaledTensor | None, form: Blocks) -> None:
    """Put all blocks on the page, each with its value of the bias."""
    height, per_row = form.height, form.per_row
    left = MARGIN + form.indent
    if form.beside:
        _draw_channels(sheet, form, [left + i * form.pitch for i in range(per_row)])
    for first in range(0, form.outputs, per_row):
        for unit in range(first, min(first + per_row, form.outputs)):
            x = left + (unit - first) * form.pitch
            top = sheet.y if form.beside else sheet.y + _CAPTION
            drawn = _draw_maps(sheet, values, form, unit, (x, top))
            drawn += _draw_caption(sheet, bias, form, unit, (x, sheet.y))
            if bias is not None and form.numbers:
                drawn += _draw_bias(sheet, bias, unit, (x, top + height + 7))
            sheet.add(sheet.canvas.group(drawn, "u"))
        sheet.y += height + (14 if form.beside else _CAPTION + 12) + (20 if bias is not None and form.numbers else 0)


def _draw_channels(sheet: Sheet, form: Blocks, lefts: list[float]) -> None:
    """Put the channel's name on the page above each column of maps."""
    maps, pitch = form.folding.maps, form.cells.extent(form.folding.size)[0] + form.gap
    words = [f"channel {index}" for index in range(maps)]
    if max(map(measure, words)) > pitch - 4:
        words = [str(index) for index in range(maps)]
        sheet.add(sheet.canvas.text(lefts[0] - LABEL, sheet.y + 11, "channel", "s"))
    for left in lefts:
        for index, word in enumerate(words):
            sheet.add(sheet.canvas.text(left + index * pitch, sheet.y + 11, word, "s"))
    sheet.y += 18


def _draw_maps(sheet: Sheet, values: ScaledTensor, form: Blocks, unit: int, at: _Point) -> list[Element]:
    maps, size, cells = form.folding.maps, form.folding.size, form.cells
    begin = unit * maps * size
    if not values.titled:
        name = f", {form.folding.noun} {unit}"
        return draw_pixels(sheet.canvas, values, begin, (maps, size), form.maps_per_line, form.gap, at, cells, name)
    w, h = cells.extent(size)
    drawn = []
    for index in range(maps):
        line, column = divmod(index, form.maps_per_line)
        corner = (at[0] + column * (w + form.gap), at[1] + line * (h + form.gap))
        first = begin + index * size
        drawn.append(draw_tile(sheet.canvas, values, first, first + size, corner, cells, form.numbers))
    return drawn


def _draw_caption(sheet: Sheet, bias: ScaledTensor | None, form: Blocks, unit: int, at: _Point) -> Iterator[Element]:
    canvas, (x, y), room, noun = sheet.canvas, at, form.width, form.folding.noun
    if noun == "output" and not form.beside:
        return
    long = f"{noun} {unit}" if noun != "output" else "output"
    if form.beside:
        y += min(form.height / 2 - 8, 30) if form.height > 40 else 0
        yield canvas.text(x - LABEL, y + 12, long, "b")
        if bias is not None:
            yield from _draw_bias(sheet, bias, unit, (x - LABEL, y + 20))
        return
    words = long if (room >= 76 and form.numbers) or form.outputs == 1 else str(unit)
    yield canvas.text(x, y + 12, words, "b" if room >= 60 else "s")
    if bias is None or form.numbers:
        return
    number = bias.number(unit)
    yield draw_value_cell(canvas, bias, unit, (x + room - 12, y + 2), 12)
    if room >= measure(words, bold=True) + measure(number) + 26:
        yield canvas.text(x + room - 17, y + 12, number, "s r")


def _draw_bias(sheet: Sheet, bias: ScaledTensor, unit: int, at: _Point) -> Iterator[Element]:
    x, y = at
    yield draw_value_cell(sheet.canvas, bias, unit, at, 13)
    yield sheet.canvas.text(x + 19, y + 11, f"bias {bias.number(unit)}", "s")
