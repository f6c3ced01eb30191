"""A small multi-layer perceptron as a node-link diagram: each neuron a tile of its weights, its edges, its bias."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cnnkit.exporters.core.architecture import LayerEntry, Shape, all_layers
from cnnkit.exporters.svg.canvas import MARGIN, ROOM, WIDTH, Cells, Element, Sheet
from cnnkit.exporters.svg.edges import Point, draw_bundles, draw_curves, find_opacity, quantize
from cnnkit.exporters.svg.legend import draw_legend
from cnnkit.exporters.svg.lettering import cut, make_safe
from cnnkit.exporters.svg.plane import Plane, plan_plane
from cnnkit.exporters.svg.scale import ScaledTensor, weight_and_bias
from cnnkit.exporters.svg.tiles import draw_tile, draw_value_cell

_MOST_EDGES, _MOST_NEURONS, _MOST_LAYERS, _MOST_THICK = 40_000, 64, 3, 2000
_LABEL, _TALLEST = 92, 1900
_PASSIVE = {
    *(
        "Flatten",
        "Reshape",
        "Dropout",
        "SpatialDropout",
        "ReLU",
        "LeakyReLU",
        "ReLU6",
        "Sigmoid",
        "Tanh",
        "GELU",
        "SiLU",
    ),
    *("Mish", "ELU", "SELU", "CELU", "Softplus", "Softsign", "Hardsigmoid", "Hardswish", "Softmax", "LogSoftmax"),
}


@dataclass
class Column:
    """A layer of neurons: its path, its tensors, how its tiles' cells lie, where it stands."""

    path: str
    tensors: Sequence[ScaledTensor]
    weight: ScaledTensor
    bias: ScaledTensor | None
    image: Shape | None
    cells: Cells
    x: float = 0
    pitch: float = 0
    top: float = 0

    @property
    def neurons(self) -> int:
        """How many neurons there are."""
        return self.weight.tensor.shape[0]

    @property
    def inputs(self) -> int:
        """How many weights each neuron has."""
        return self.weight.tensor.shape[1]

    @property
    def tile_size(self) -> tuple[float, float]:
        """Width and height in px of the weights of a neuron."""
        return self.cells.extent(self.inputs)

    def middle(self, neuron: int) -> float:
        """Return the y of a neuron."""
        return self.top + self.pitch * (neuron + 0.5)


def plan_columns(
    layers: tuple[LayerEntry, ...], images: Mapping[str, Shape], by_layer: Mapping[str, Sequence[ScaledTensor]]
) -> list[Column]:
    """Return a column per Dense layer when the net is one that this diagram can show, else nothing.

    images: {path of a Dense layer: the (C, H, W) that its inputs are}.
    """
    everything = list(all_layers(layers))
    dense = [layer.path for layer in everything if layer.type == "Dense"]
    others = {layer.type for layer in everything} - _PASSIVE - {"Dense"}
    if others or not 1 <= len(dense) <= _MOST_LAYERS or set(by_layer) != set(dense):
        return []
    columns: list[Column] = []
    for path in dense:
        column = _plan_column(path, by_layer[path], images.get(path))
        if column is None or (columns and column.inputs != columns[-1].neurons):
            return []
        columns.append(column)
    edges = [column.neurons * column.inputs for column in columns]
    return columns if sum(edges) <= _MOST_EDGES and all(count <= _MOST_THICK for count in edges[1:]) else []


def _plan_column(path: str, tensors: Sequence[ScaledTensor], image: Shape | None) -> Column | None:
    """Return the column of a layer, None where it holds anything but a small matrix and its bias."""
    weight, bias = weight_and_bias(tensors)
    if weight is None or len(weight.tensor.shape) != 2 or any(values not in (weight, bias) for values in tensors):
        return None
    neurons, inputs = weight.tensor.shape
    if not weight.titled or not 1 <= neurons <= _MOST_NEURONS or not inputs:
        return None
    if bias is not None and (bias.tensor.shape != (neurons,) or not bias.titled):
        return None
    if image is None and inputs <= _MOST_NEURONS:
        cells = Cells(min(inputs, 20), 12, 12)
    else:
        columns = image[2] if image is not None else math.ceil(math.sqrt(inputs))
        rows = -(-inputs // columns)
        sizes = (s for s in (8, 6, 5, 4, 3) if neurons * (rows * s + 10) <= _TALLEST and columns * s <= 200)
        size = next(sizes, 2)
        cells = Cells(columns, size, size)
    return Column(path, tensors, weight, bias, image, cells)


def draw_diagram(sheet: Sheet, columns: list[Column], samples: Sequence[ScaledTensor]) -> ScaledTensor | None:
    """Put legends and the diagram on the page. Return the one of the samples that its input shows."""
    sheet.add(sheet.canvas.path(f"M{MARGIN} {sheet.y + 0.5:g}H{WIDTH - MARGIN}", "rule"))
    sheet.y += 16
    for column in columns:
        for values in column.tensors:
            draw_legend(sheet, values)
    words = (
        "edges: orange negative, blue positive, width and opacity by the square of the weight in 8 steps; "
        "point at a neuron to see only its own"
    )
    sheet.add(sheet.canvas.text(MARGIN, sheet.y + 12, cut(words, ROOM), "s"))
    sheet.y += 44
    plane = plan_plane(columns[0].image, columns[0].inputs)
    tall = max(plane.height, *(max(column.tile_size[1] + 10, 34.0) * column.neurons for column in columns))
    _place_columns(columns, plane, sheet.y + 14, tall)
    sample = next((values for values in samples if values.titled and values.tensor.parameters == plane.inputs), None)
    sheet.add(*plane.draw(sheet.canvas, sample), sheet.canvas.text(plane.x, plane.y - 14, "input", "b"))
    starts = plane.find_centres()
    for index, column in enumerate(columns):
        words = cut(f"{make_safe(column.path, 20)} · Dense {column.neurons}", 150, bold=True)
        sheet.add(sheet.canvas.text(column.x, column.middle(0) - max(column.tile_size[1] / 2, 14) - 14, words, "b"))
        last = index == len(columns) - 1
        sheet.add(
            sheet.canvas.group([_draw_neuron(sheet, column, n, starts, index, last) for n in range(column.neurons)])
        )
        starts = [(column.x + column.tile_size[0] + _LABEL, column.middle(neuron)) for neuron in range(column.neurons)]
    sheet.y += tall + 32
    return sample


def _place_columns(columns: list[Column], plane: Plane, top: float, tall: float) -> None:
    used = plane.width + sum(column.tile_size[0] + _LABEL for column in columns)
    gap = min(max((ROOM - used) / len(columns), 60), 340)
    plane.x, plane.y = MARGIN, top + (tall - plane.height) / 2
    x = MARGIN + plane.width + gap
    for column in columns:
        column.x, column.pitch = round(x), min(tall / column.neurons, max(110, column.tile_size[1] + 10))
        column.top = top + (tall - column.pitch * column.neurons) / 2
        x += column.tile_size[0] + _LABEL + gap


def _draw_neuron(sheet: Sheet, column: Column, neuron: int, starts: Sequence[Point], layer: int, last: bool) -> Element:
    """Return a neuron: its edges (of the first layer thin, one path per strength), its tile, number and bias."""
    canvas, weight, inputs = sheet.canvas, column.weight, column.inputs
    wide, tall = column.tile_size
    x, middle = column.x, round(column.middle(neuron))
    begin, top = neuron * inputs, round(middle - tall / 2)
    steps = quantize(weight.flat[begin : begin + inputs], weight.scale.largest).tolist()
    if layer:
        strength = 1.0
        drawn = draw_curves(canvas, starts, (x, middle), steps, [f"o{layer - 1}-{i}" for i in range(inputs)])
    else:
        strength = find_opacity(weight.flat, weight.scale.largest)
        rows = [top + column.cells.h * (i // column.cells.columns + 0.5) for i in range(inputs)]
        drawn = draw_bundles(canvas, starts, [(x, row) for row in rows], steps)  # each to the row of its pixel
    drawn = [canvas.group(drawn, "ink", opacity=strength) if strength < 1 else canvas.group(drawn)]
    drawn.append(draw_tile(canvas, weight, begin, begin + inputs, (x, top), column.cells))
    side = x + wide + 9
    drawn.append(canvas.text(side, middle - 3, str(neuron), "b"))
    if column.bias is not None:
        drawn.append(draw_value_cell(canvas, column.bias, neuron, (side, middle + 3), 12))
        drawn.append(canvas.text(side + 16, middle + 13, column.bias.number(neuron), "s"))
    if not last:
        drawn.append(canvas.circle(x + wide + _LABEL, round(column.middle(neuron), 1), 3, "glyph"))
        sheet.styles.append(f"svg:has(#n{layer}-{neuron}:hover) .o{layer}-{neuron}{{opacity:.9!important}}")
    return canvas.group(drawn, "n u", id=f"n{layer}-{neuron}")
