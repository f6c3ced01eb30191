"""The overview: maps as stacks, rows as bars, and between them what each layer sees, from the input to the output."""

from itertools import pairwise
from typing import Any

from cnnkit.exporters.svg.canvas import Canvas, Element, Sheet
from cnnkit.exporters.svg.network import input_shape, places
from cnnkit.exporters.svg.stages import Stage, rows_of, stages_of

_SPOTS = ((0.7, 0.3), (0.3, 0.7))  # where on a map a window lies, in turn, so that none hides what the last one made


def draw_overview(sheet: Sheet, architecture: dict[str, Any] | None, parameters: dict[str, int]) -> None:
    """Put the shapes on the page, from input to output. parameters: {path of a layer: how many it has}."""
    stages = stages_of(input_shape(architecture), places(architecture), parameters)
    if len(stages) < 2:
        return
    turn = 0
    for row in rows_of(stages):
        tall = max(stage.sheet[1] + stage.depth for stage in row)
        middle = sheet.y + 44 + tall / 2
        drawn: list[Element] = []
        for stage in row:
            drawn += _glyph(sheet.canvas, stage, middle) + _above(sheet.canvas, stage, sheet.y + 14)
        for last, stage in pairwise(row):
            drawn += _between(sheet.canvas, last, stage, middle, _SPOTS[turn % 2])
            turn += 1
            drawn += _below(sheet.canvas, last, stage, middle + tall / 2 + 24)
        if row[0].layers:  # a row that goes on
            drawn += [
                sheet.canvas.text(row[0].x, middle + tall / 2 + 24 + 16 * i, words, "m s")
                for i, words in enumerate(row[0].below)
            ]
        sheet.add(sheet.canvas.group(drawn))
        sheet.y = middle + tall / 2 + 24 + 16 * max(len(stage.below) for stage in row)
    sheet.y += 12


def _front(stage: Stage, middle: float) -> tuple[float, float]:
    """Return the corner of the map in front."""
    wide, tall = stage.sheet
    return stage.x + stage.half - wide, middle + (tall + stage.depth) / 2 - tall


def _glyph(canvas: Canvas, stage: Stage, middle: float) -> list[Element]:
    (x, y), (wide, tall) = _front(stage, middle), stage.sheet
    step = stage.depth / max(stage.sheets - 1, 1)
    places_ = [(x - step * i, y - step * i) for i in reversed(range(stage.sheets))]
    drawn = [canvas.rect(left, top, wide, tall, "glyph behind") for left, top in places_[:-1]]
    drawn.append(canvas.rect(*places_[-1], wide, tall, "glyph"))
    if stage.cells > 1:
        lines = "".join(f"M{x:g} {y + tall * i / stage.cells:g}h{wide:g}" for i in range(1, stage.cells))
        drawn.append(canvas.path(lines, "cells"))
    return drawn


def _above(canvas: Canvas, stage: Stage, y: float) -> list[Element]:
    noun, shape = stage.above
    return [canvas.text(stage.x, y, noun, "m s"), canvas.text(stage.x, y + 16, shape, "m b")]


def _below(canvas: Canvas, last: Stage, stage: Stage, y: float) -> list[Element]:
    x = (last.x + last.half + stage.x - stage.half) / 2
    names = [f"m{' s' if index >= len(stage.layers) else ''}" for index in range(len(stage.below))]
    return [canvas.text(x, y + 16 * i, words, names[i]) for i, words in enumerate(stage.below)]


def _between(canvas: Canvas, last: Stage, stage: Stage, middle: float, spot: tuple[float, float]) -> list[Element]:
    """Return a window and what it becomes, corners that spread to a row, or an arrow."""
    images = len(last.shape) == 3, len(stage.shape) == 3
    if images == (True, True) and stage.window is not None:
        return _window(canvas, last, stage, middle, stage.window, spot)
    (x, y), (wide, tall) = _front(last, middle), last.sheet
    (_, top), (_, high) = _front(stage, middle), stage.sheet
    start, end = x + wide + 2, stage.x - stage.half - 2
    full = any(place.type == "Dense" for place in stage.layers)
    if images[1] or (last.shape == stage.shape and not full):
        return [
            canvas.path(f"M{start + 4:g} {middle:g}H{end - 10:g}", "flow"),
            canvas.path(f"M{end - 4:g} {middle:g}l-7 -3.5v7z", "tip"),
        ]
    straight = f"M{start:g} {y:g}L{end:g} {top:g}M{start:g} {y + tall:g}L{end:g} {top + high:g}"
    across = f"M{start:g} {y:g}L{end:g} {top + high:g}M{start:g} {y + tall:g}L{end:g} {top:g}"
    return [canvas.path(straight + across if full else straight, "flow")]


def _window(
    canvas: Canvas, last: Stage, stage: Stage, middle: float, window: tuple[int, int], spot: tuple[float, float]
) -> list[Element]:
    (x, y), (wide, tall) = _front(last, middle), last.sheet
    w = min(max(window[1] / last.shape[2] * wide, 5), wide)
    h = min(max(window[0] / last.shape[1] * tall, 5), tall)
    left = x + min(max(spot[0] * wide - w / 2, 0), wide - w)
    top = y + min(max(spot[1] * tall - h / 2, 0), tall - h)
    (ahead, over), (broad, high) = _front(stage, middle), stage.sheet
    tip = ahead + spot[0] * broad, over + spot[1] * high
    lines = f"M{left + w:g} {top:g}L{tip[0]:g} {tip[1]:g}L{left + w:g} {top + h:g}"
    return [
        canvas.path(lines, "flow"),
        canvas.rect(left, top, w, h, "window"),
        canvas.rect(tip[0] - 2, tip[1] - 2, 4, 4, "spot"),
    ]
