"""The overview from input to output: maps as stacks, rows as bars, between them what a layer sees at a time."""

from itertools import pairwise
from typing import Any

from cnnkit.exporters.core.architecture import input_shape, outer_layers
from cnnkit.exporters.svg.canvas import Canvas, Element, Sheet
from cnnkit.exporters.svg.graph import draw_graph, find_links
from cnnkit.exporters.svg.stages import Stage, arrange_rows, find_stages

# Where windows lie on a map, in turn: none hides the value that the one before gave.
_SPOTS = (0.7, 0.3), (0.3, 0.7)


def draw_overview(sheet: Sheet, architecture: dict[str, Any] | None, parameters: dict[str, int]) -> float:
    """Put the shapes on the page, from input to output; return the right end in px of what was drawn.

    parameters: {path of a layer: number of its parameters}.
    """
    links = find_links(architecture)
    if links is not None and not links.is_chain:
        return draw_graph(sheet, links, parameters)
    stages = find_stages(input_shape(architecture), outer_layers(architecture), parameters)
    if len(stages) < 2:
        return 0.0
    turn, rows = 0, arrange_rows(stages)
    for row in rows:
        tall = max(stage.map_size[1] + stage.depth for stage in row)
        middle = sheet.y + 44 + tall / 2
        drawn: list[Element] = []
        for stage in row:
            drawn += _draw_maps(sheet.canvas, stage, middle) + _draw_shape(sheet.canvas, stage, sheet.y + 14)
        for last, stage in pairwise(row):
            drawn += _draw_flow(sheet.canvas, last, stage, middle, _SPOTS[turn % 2])
            turn += 1
            drawn += _draw_layers(sheet.canvas, last, stage, middle + tall / 2 + 24)
        if row[0].layers:  # not the first row
            drawn += [
                sheet.canvas.text(row[0].x, middle + tall / 2 + 24 + 16 * i, words, "m s")
                for i, words in enumerate(row[0].below)
            ]
        sheet.add(sheet.canvas.group(drawn))
        sheet.y = middle + tall / 2 + 24 + 16 * max(len(stage.below) for stage in row)
    sheet.y += 12
    return max(stage.x + stage.reach for row in rows for stage in row)


def _find_front(stage: Stage, middle: float) -> tuple[float, float]:
    """Return the upper left corner of the map in front."""
    wide, tall = stage.map_size
    return stage.x + stage.half - wide, middle + (tall + stage.depth) / 2 - tall


def _draw_maps(canvas: Canvas, stage: Stage, middle: float) -> list[Element]:
    (x, y), (wide, tall) = _find_front(stage, middle), stage.map_size
    step = stage.depth / max(stage.maps - 1, 1)
    corners = [(x - step * i, y - step * i) for i in reversed(range(stage.maps))]
    drawn = [canvas.rect(left, top, wide, tall, "glyph behind") for left, top in corners[:-1]]
    drawn.append(canvas.rect(*corners[-1], wide, tall, "glyph"))
    if stage.cells > 1:
        lines = "".join(f"M{x:g} {y + tall * i / stage.cells:g}h{wide:g}" for i in range(1, stage.cells))
        drawn.append(canvas.path(lines, "cells"))
    return drawn


def _draw_shape(canvas: Canvas, stage: Stage, y: float) -> list[Element]:
    noun, shape = stage.above
    return [canvas.text(stage.x, y, noun, "m s"), canvas.text(stage.x, y + 16, shape, "m b")]


def _draw_layers(canvas: Canvas, last: Stage, stage: Stage, y: float) -> list[Element]:
    x = (last.x + last.half + stage.x - stage.half) / 2
    names = [f"m{' s' if index >= len(stage.layers) else ''}" for index in range(len(stage.below))]
    return [canvas.text(x, y + 16 * i, words, names[i]) for i, words in enumerate(stage.below)]


def _draw_flow(canvas: Canvas, last: Stage, stage: Stage, middle: float, spot: tuple[float, float]) -> list[Element]:
    """Return a window and the value that it gives, lines from the corners of a map to a row, or an arrow."""
    images = len(last.shape) == 3, len(stage.shape) == 3
    if images == (True, True) and stage.window is not None:
        return _draw_window(canvas, last, stage, middle, stage.window, spot)
    (x, y), (wide, tall) = _find_front(last, middle), last.map_size
    (_, top), (_, high) = _find_front(stage, middle), stage.map_size
    start, end = x + wide + 2, stage.x - stage.half - 2
    full = any(layer.type == "Dense" for layer in stage.layers)
    if images[1] or (last.shape == stage.shape and not full):
        return [
            canvas.path(f"M{start + 4:g} {middle:g}H{end - 10:g}", "flow"),
            canvas.path(f"M{end - 4:g} {middle:g}l-7 -3.5v7z", "tip"),
        ]
    straight = f"M{start:g} {y:g}L{end:g} {top:g}M{start:g} {y + tall:g}L{end:g} {top + high:g}"
    across = f"M{start:g} {y:g}L{end:g} {top + high:g}M{start:g} {y + tall:g}L{end:g} {top:g}"
    return [canvas.path(straight + across if full else straight, "flow")]


def _draw_window(
    canvas: Canvas, last: Stage, stage: Stage, middle: float, window: tuple[int, int], spot: tuple[float, float]
) -> list[Element]:
    (x, y), (wide, tall) = _find_front(last, middle), last.map_size
    w = min(max(window[1] / last.shape[2] * wide, 5), wide)
    h = min(max(window[0] / last.shape[1] * tall, 5), tall)
    left = x + min(max(spot[0] * wide - w / 2, 0), wide - w)
    top = y + min(max(spot[1] * tall - h / 2, 0), tall - h)
    (ahead, over), (broad, high) = _find_front(stage, middle), stage.map_size
    tip = ahead + spot[0] * broad, over + spot[1] * high
    lines = f"M{left + w:g} {top:g}L{tip[0]:g} {tip[1]:g}L{left + w:g} {top + h:g}"
    return [
        canvas.path(lines, "flow"),
        canvas.rect(left, top, w, h, "window"),
        canvas.rect(tip[0] - 2, tip[1] - 2, 4, 4, "spot"),
    ]
