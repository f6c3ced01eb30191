"""A small multi-layer perceptron as a node-link diagram: each neuron a tile of its weights, its edges, its bias."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cnnkit.exporters.svg.canvas import MARGIN, ROOM, WIDTH, Cells, Element, Sheet
from cnnkit.exporters.svg.edges import Point, bundle, ink, single, steps_of
from cnnkit.exporters.svg.legend import draw_legend
from cnnkit.exporters.svg.lettering import alike, cut, shown
from cnnkit.exporters.svg.network import Place, Shape, flat, seen_shapes
from cnnkit.exporters.svg.plane import Plane, plane_of
from cnnkit.exporters.svg.scale import ScaledTensor, weight_and_bias
from cnnkit.exporters.svg.tiles import cell, tile, titles

_MOST_EDGES, _MOST_NEURONS, _MOST_LAYERS, _MOST_THICK = 40_000, 64, 3, 2000
_LABEL, _TALLEST = 92, 1900
_PASSIVE = {"Flatten", "ReLU", "LeakyReLU", "Sigmoid", "Tanh", "GELU", "Softmax", "Dropout", "Reshape"}


@dataclass
class _Column:
    """A layer of neurons: its tensors, how its tiles' cells lie, where it stands."""

    path: str
    weight: ScaledTensor
    bias: ScaledTensor | None
    cells: Cells
    x: float = 0
    pitch: float = 0
    top: float = 0

    @property
    def neurons(self) -> int:
        return self.weight.tensor.shape[0]

    @property
    def tile(self) -> tuple[float, float]:
        return self.cells.extent(self.weight.tensor.shape[1])

    def middle(self, neuron: int) -> float:
        return self.top + self.pitch * (neuron + 0.5)


def layers_of(layers: tuple[Place, ...], by_layer: Mapping[str, Sequence[ScaledTensor]]) -> list[str]:
    """Return the paths of the Dense layers when the net is one that this diagram can show, else nothing."""
    everything = list(flat(layers))
    dense = [place.path for place in everything if place.type == "Dense"]
    others = {place.type for place in everything} - _PASSIVE - {"Dense"}
    if others or not 1 <= len(dense) <= _MOST_LAYERS or set(by_layer) != set(dense):
        return []
    shapes, before = [], None
    for path in dense:
        weight, bias = weight_and_bias(by_layer[path])
        known = {id(weight), id(bias)}
        if weight is None or len(weight.tensor.shape) != 2 or any(id(v) not in known for v in by_layer[path]):
            return []
        shape = weight.tensor.shape
        wrong = (before is not None and shape[1] != before) or not weight.titled or not 1 <= shape[0] <= _MOST_NEURONS
        if wrong or not shape[1] or (bias is not None and (bias.tensor.shape != shape[:1] or not bias.titled)):
            return []
        before = shape[0]
        shapes.append(shape)
    fits = sum(map(math.prod, shapes)) <= _MOST_EDGES and all(math.prod(s) <= _MOST_THICK for s in shapes[1:])
    return dense if fits else []


def draw_diagram(
    sheet: Sheet,
    layers: tuple[Place, ...],
    dense: list[str],
    by_layer: Mapping[str, Sequence[ScaledTensor]],
    samples: list[ScaledTensor],
) -> None:
    """Put legends and the diagram on the page. samples: what may go into it; the one it shows is taken out."""
    sheet.add(sheet.canvas.path(f"M{MARGIN} {sheet.y + 0.5:g}H{WIDTH - MARGIN}", "rule"))
    sheet.y += 16
    for path in dense:
        for values in by_layer[path]:
            draw_legend(sheet, values)
    words = (
        "edges: orange negative, blue positive, width and opacity by the square of the weight in 8 steps; "
        "point at a neuron to see only its own"
    )
    sheet.add(sheet.canvas.text(MARGIN, sheet.y + 12, cut(words, ROOM), "s"))
    sheet.y += 44
    seen = seen_shapes(layers)
    columns = [_column(path, by_layer[path], seen.get(path)) for path in dense]
    plane = plane_of(seen.get(dense[0]), columns[0].weight.tensor.shape[1])
    tall = max(plane.height, *(column.neurons * (column.tile[1] + 10) for column in columns))
    tall = max(tall, *(34.0 * column.neurons for column in columns))
    _place(columns, plane, sheet.y + 14, tall)
    sample = next((v for v in samples if v.titled and v.tensor.parameters == plane.inputs), None)
    if sample is not None:
        samples.remove(sample)
    sheet.add(*plane.drawn(sheet.canvas, sample), sheet.canvas.text(plane.x, plane.y - 14, "input", "b"))
    starts, thick = plane.points(), False
    for index, column in enumerate(columns):
        words = cut(f"{shown(column.path, 20)} · Dense {column.neurons}", 150, bold=True)
        sheet.add(sheet.canvas.text(column.x, column.middle(0) - max(column.tile[1] / 2, 14) - 14, words, "b"))
        last = index == len(columns) - 1
        made = [_neuron(sheet, column, neuron, starts, thick, index, last) for neuron in range(column.neurons)]
        sheet.add(sheet.canvas.group(made))
        starts = [(column.x + column.tile[0] + _LABEL, column.middle(neuron)) for neuron in range(column.neurons)]
        thick = True
    sheet.y += tall + 32


def _column(path: str, found: Sequence[ScaledTensor], seen: Shape | None) -> _Column:
    weight, bias = weight_and_bias(found)
    assert weight is not None  # layers_of has seen to it
    neurons, inputs = weight.tensor.shape
    if seen is None and inputs <= _MOST_NEURONS:
        return _Column(path, weight, bias, Cells(min(inputs, 20), 12, 12))
    columns = seen[2] if seen is not None else math.ceil(math.sqrt(inputs))
    rows = -(-inputs // columns)
    size = next((s for s in (8, 6, 5, 4, 3) if neurons * (rows * s + 10) <= _TALLEST and columns * s <= 200), 2)
    return _Column(path, weight, bias, Cells(columns, size, size))


def _place(columns: list[_Column], plane: Plane, top: float, tall: float) -> None:
    used = plane.width + sum(column.tile[0] + _LABEL for column in columns)
    gap = min(max((ROOM - used) / len(columns), 60), 340)
    plane.x, plane.y = MARGIN, top + (tall - plane.height) / 2
    x = MARGIN + plane.width + gap
    for column in columns:
        column.x, column.pitch = round(x), min(tall / column.neurons, max(110, column.tile[1] + 10))
        column.top = top + (tall - column.pitch * column.neurons) / 2
        x += column.tile[0] + _LABEL + gap


def _neuron(
    sheet: Sheet, column: _Column, neuron: int, starts: Sequence[Point], thick: bool, layer: int, last: bool
) -> Element:
    canvas, weight = sheet.canvas, column.weight
    inputs = weight.tensor.shape[1]
    wide, tall = column.tile
    x, middle = column.x, round(column.middle(neuron))
    begin = neuron * inputs
    steps = steps_of(weight.flat[begin : begin + inputs], weight.scale.largest).tolist()
    if thick:
        names = [f"o{layer - 1}-{i}" for i in range(inputs)]
        drawn = single(canvas, starts, (x, middle), steps, names)
    else:
        rows = [round(middle - tall / 2) + column.cells.h * (i // column.cells.columns + 0.5) for i in range(inputs)]
        drawn = bundle(canvas, starts, [(x, row) for row in rows], steps)  # each to the row of its pixel
    strength = 1.0 if thick else ink(weight.flat, weight.scale.largest)
    drawn = [canvas.group(drawn, "ink", opacity=strength) if strength < 1 else canvas.group(drawn)]
    drawn.append(tile(canvas, weight, begin, begin + inputs, (x, round(middle - tall / 2)), column.cells))
    side = x + wide + 9
    drawn.append(canvas.text(side, middle - 3, str(neuron), "b"))
    if column.bias is not None:
        title = titles(column.bias, neuron, neuron + 1)[0]
        drawn.append(cell(canvas, int(column.bias.levels[neuron]), (side, middle + 3), (12, 12), title))
        number = alike(float(column.bias.flat[neuron]), column.bias.scale.largest)
        drawn.append(canvas.text(side + 16, middle + 13, number, "s"))
    if not last:
        drawn.append(canvas.circle(x + wide + _LABEL, round(column.middle(neuron), 1), 3, "glyph"))
        sheet.styles.append(f"svg:has(#n{layer}-{neuron}:hover) .o{layer}-{neuron}{{opacity:.9!important}}")
    return canvas.group(drawn, "n u", id=f"n{layer}-{neuron}")
