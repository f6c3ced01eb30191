"""The head of the page: name, chain of layers, the parameters added up, what is folded, and the flow of shapes."""

import math
from typing import Any

from cnnkit.exporters.svg.canvas import MARGIN, ROOM, Canvas, Element
from cnnkit.exporters.svg.lettering import count, cut, shape_text, shown, width, wrapped
from cnnkit.exporters.svg.network import Place, Shape, chain, input_shape, places
from cnnkit.exporters.svg.sheet import Sheet
from cnnkit.exporters.weight_file import Tensor, WeightFile

_MOST_TERMS = 40


def title_of(weights: WeightFile) -> str:
    """Return what to call the network."""
    recipe = weights.metadata.get("recipe")
    return shown(recipe) if isinstance(recipe, str) and recipe else "network"


def sum_of(weights: WeightFile) -> list[str]:
    """Return the parameter count with its terms, and lines for what else the file holds."""
    sizes = [f"{tensor.parameters:,}" for tensor in weights.select("parameter")]
    more = [] if len(sizes) <= _MOST_TERMS else [f"{len(sizes) - _MOST_TERMS} more"]
    total = count(weights.parameters, "parameter")
    lines = [f"{' + '.join([*sizes[:_MOST_TERMS], *more])} = {total}" if len(sizes) > 1 else total]
    for kind, words in (("state", "statistics"), ("other", "other values")):
        tensors = weights.select(kind)
        if tensors:
            lines.append(f"{sum(t.parameters for t in tensors):,} {words} in {count(len(tensors), 'tensor')}")
    optimizer = weights.select("optimizer")
    if optimizer:
        values = sum(tensor.parameters for tensor in optimizer)
        lines.append(f"{values:,} values of the optimizer are not drawn; they are in this file's data block")
    return lines


def folded(untitled: list[Tensor], undrawn: list[Tensor]) -> list[str]:
    """Return a line for each tensor whose values have no cell of their own."""
    here = "values in this file's data block"
    lines = [f"{_name(t)}: {count(t.parameters, 'value')} drawn 1 px each, {here}" for t in untitled[:12]]
    if len(untitled) > 12:
        total = sum(tensor.parameters for tensor in untitled[12:])
        lines.append(f"{len(untitled) - 12} more tensors: {total:,} values drawn 1 px each, {here}")
    if undrawn:
        total = sum(tensor.parameters for tensor in undrawn)
        lines.append(f"{count(len(undrawn), 'tensor')} too big to draw: {total:,} {here}")
    return lines


def draw_header(sheet: Sheet, weights: WeightFile, lines: list[str]) -> None:
    """Put the head on the page."""
    canvas = sheet.canvas
    sheet.add(canvas.text(MARGIN, sheet.y + 18, cut(title_of(weights), ROOM, 20, bold=True), "h1"))
    sheet.y += 42
    words = chain(weights.architecture)
    text = wrapped(words, " → ", ROOM) if words else ["no architecture in the file: tensors in their order"]
    for line in [*text, *lines]:
        for part in wrapped(line.split(" "), " ", ROOM):
            sheet.add(canvas.text(MARGIN, sheet.y, part, "s"))
            sheet.y += 18
    sheet.y += 6


class _Stage:
    """A shape in the flow, and the layers that lead to it."""

    def __init__(self, shape: Shape, labels: list[str]) -> None:
        self.shape, self.labels = shape, labels
        self.lead = max([0.94 * width(label, 11) for label in labels], default=0) + 18 if labels else 0
        self.side = 0.0


def draw_flow(sheet: Sheet, architecture: dict[str, Any] | None) -> None:
    """Put the shapes on the page as stacks of maps and bars, arrows with the layers' names between."""
    stages = _stages(input_shape(architecture), places(architecture))
    if len(stages) < 2:
        return
    largest = max((max(stage.shape[-2:]) for stage in stages if len(stage.shape) == 3), default=1)
    rows: list[list[tuple[_Stage, float]]] = [[]]
    x = float(MARGIN)
    for stage in stages:
        stage.side = 12 + 44 * max(stage.shape[-2:]) / largest if len(stage.shape) == 3 else 0
        wide = stage.lead + _glyph_width(stage)
        if x + wide > MARGIN + ROOM and rows[-1]:
            rows.append([])
            x = MARGIN
        rows[-1].append((stage, x))
        x += wide + 2
    for row in rows:
        above = 15 * max(0, *(len(stage.labels) - 1 for stage, _ in row))
        middle = sheet.y + max(42, above + 22)
        sheet.add(sheet.canvas.group([part for stage, x in row for part in _drawn(sheet.canvas, stage, x, middle)]))
        sheet.y = middle + 74
    sheet.y += 6


def _stages(shape: Shape | None, layers: tuple[Place, ...]) -> list[_Stage]:
    stages = [_Stage(shape, [])] if shape else []
    waiting: list[str] = []
    for place in layers:
        waiting.append(cut(place.label, 110, 11))
        if stages and place.output_shape and place.output_shape != stages[-1].shape:
            stages.append(_Stage(place.output_shape, waiting))
            waiting = []
    if waiting and stages:
        stages.append(_Stage(stages[-1].shape, waiting))
    return stages


def _glyph_width(stage: _Stage) -> float:
    return (
        max(stage.side + 3 * (_sheets(stage.shape) - 1) if stage.side else 14, width(shape_text(stage.shape), 12)) + 8
    )


def _sheets(shape: Shape) -> int:
    return 1 if shape[0] == 1 else min(2 + int(math.log2(shape[0])), 8)


def _drawn(canvas: Canvas, stage: _Stage, x: float, middle: float) -> list[Element]:
    drawn: list[Element] = []
    if stage.lead:
        end = x + stage.lead - 6
        drawn.append(canvas.path(f"M{x + 2:g} {middle:g}H{end - 5:g}", "flow"))
        drawn.append(canvas.path(f"M{end:g} {middle:g}l-7 -3.5v7z", "tip"))
        for index, label in enumerate(reversed(stage.labels)):
            drawn.append(canvas.text(x + (stage.lead - 6) / 2, middle - 7 - 15 * index, label, "v s"))
    x += stage.lead
    wide = _glyph_width(stage) - 8
    centre = x + wide / 2
    if stage.side:
        sheets = _sheets(stage.shape)
        left, top = centre - (stage.side + 3 * (sheets - 1)) / 2, middle - (stage.side - 3 * (sheets - 1)) / 2
        for index in range(sheets):
            offset = 3 * (sheets - 1 - index)
            drawn.append(canvas.rect(left + offset, top - offset, stage.side, stage.side, "glyph"))
    else:
        tall = min(12 + 7 * math.log2(1 + math.prod(stage.shape)), 84)
        drawn.append(canvas.rect(centre - 5, middle - tall / 2, 10, tall, "glyph"))
    drawn.append(canvas.text(centre, middle + 58, shape_text(stage.shape), "m"))
    return drawn


def _name(tensor: Tensor) -> str:
    return shown(tensor.name, 60)
