"""Writes the picture of a weight file: the head, the overview, each layer, and the data block with the exact values."""

import itertools
from typing import NamedTuple
from xml.etree import ElementTree

from cnnkit.exporters.core.architecture import LayerEntry, all_layers, outer_layers
from cnnkit.exporters.core.flattened_images import find_flattened_images
from cnnkit.exporters.core.weight_file import Tensor, WeightFile
from cnnkit.exporters.svg import edges
from cnnkit.exporters.svg.canvas import WIDTH, Canvas, Sheet
from cnnkit.exporters.svg.data_block import NAMESPACE, encode, write_header
from cnnkit.exporters.svg.diagram import draw_diagram, plan_columns
from cnnkit.exporters.svg.drawing import draw_layer
from cnnkit.exporters.svg.graph import find_links
from cnnkit.exporters.svg.header import describe_folded, describe_training, draw_header, find_title, sum_parameters
from cnnkit.exporters.svg.legend import draw_colour_bar
from cnnkit.exporters.svg.overview import draw_overview
from cnnkit.exporters.svg.palette import style_sheet
from cnnkit.exporters.svg.sample import Sample, draw_photo, find_sample, name_outputs
from cnnkit.exporters.svg.scale import ScaledTensor

TITLED = 100_000
_PIXELS, _TENSORS = 4_000_000, 2000
_POOLS = {kind + rank for kind in ("MaxPool", "GlobalMaxPool", "AdaptiveMaxPool") for rank in ("1D", "2D", "3D")}
_KEEPS_VALUES = {
    *("ReLU", "LeakyReLU", "ReLU6", "ThresholdedReLU"),
    *(*_POOLS, "Dropout", "SpatialDropout", "Flatten", "Reshape"),
}


class _Choice(NamedTuple):
    """Tensors by how their values are drawn: as cells with a title, as pixels, not at all."""

    titled: list[Tensor]
    pixels: list[Tensor]
    undrawn: list[Tensor]


def draw_svg(weights: WeightFile, debug: bool = False) -> str:
    """Return the SVG file as text. debug: svgwrite checks every element."""
    canvas = Canvas(debug)
    sheet = Sheet(canvas)
    choice, sample = _spend_budget(weights), find_sample(weights)
    told = [] if sample is None else [sample.describe()]
    lines = [
        *told,
        *describe_training(weights),
        *sum_parameters(weights),
        *describe_folded(choice.pixels, choice.undrawn),
    ]
    draw_header(sheet, weights, lines)
    draw_overview(sheet, weights.architecture, _count_parameters(weights))
    _draw_layers(sheet, weights, choice, sample)
    canvas.drawing.defs.add(draw_colour_bar(canvas))
    style = style_sheet() + edges.write_edge_styles() + "\n" + "\n".join(sheet.styles)
    name = find_title(weights)
    description = f"{weights.parameters:,} parameters, exactly in this file's metadata, drawn by cnnkit"
    return canvas.page(
        name, description, style, sheet.elements, (WIDTH, round(sheet.y + 16)), _make_data_block(weights)
    )


def _count_parameters(weights: WeightFile) -> dict[str, int]:
    """Return {path of a layer: number of its parameters}."""
    counts: dict[str, int] = {}
    for tensor in weights.select("parameter"):
        counts[tensor.layer] = counts.get(tensor.layer, 0) + tensor.parameters
    return counts


def _spend_budget(weights: WeightFile) -> _Choice:
    """Spend the budget of titled cells on the smallest tensors first, that of pixels likewise."""
    drawn = sorted((tensor for tensor in weights if tensor.kind != "optimizer"), key=lambda tensor: tensor.parameters)
    cells, pixels, chosen = TITLED, _PIXELS, _Choice([], [], [])
    for rank, tensor in enumerate(drawn):
        if rank < _TENSORS and tensor.parameters <= cells:
            cells -= tensor.parameters
            chosen.titled.append(tensor)
        elif rank < _TENSORS and tensor.parameters <= pixels:
            pixels -= tensor.parameters
            chosen.pixels.append(tensor)
        else:
            chosen.undrawn.append(tensor)
    return chosen


def _draw_layers(sheet: Sheet, weights: WeightFile, choice: _Choice, sample: Sample | None) -> None:
    titled, undrawn = {id(tensor) for tensor in choice.titled}, {id(tensor) for tensor in choice.undrawn}
    layers = outer_layers(weights.architecture)
    known, images = {layer.path: layer for layer in all_layers(layers)}, find_flattened_images(weights.architecture)
    tensors: dict[str, list[ScaledTensor]] = {}
    for tensor in weights:
        if tensor.kind != "optimizer" and id(tensor) not in undrawn:
            path = tensor.name if tensor.kind == "activation" else tensor.layer
            tensors.setdefault(path, []).append(ScaledTensor(tensor, id(tensor) in titled))
    order = [path for path in ("input", *known) if path in tensors]
    order += [path for path in tensors if path not in order]
    activations = {path: [v for v in tensors[path] if v.tensor.kind == "activation"] for path in order}
    others = {path: [v for v in tensors[path] if v.tensor.kind != "activation"] for path in order}
    if sample is not None:
        _prepare_activations(activations, known, sample)
    links = find_links(weights.architecture)
    columns = []
    if links is None or links.is_chain:
        columns = plan_columns(layers, images, {path: group for path, group in others.items() if group})
    if columns:
        inputs = activations.get("input", [])
        if sample is not None and inputs:
            draw_photo(sheet, inputs[0], sample)
        drawn = draw_diagram(sheet, columns, inputs)
        tensors = {path: [values for values in group if values is not drawn] for path, group in activations.items()}
    for path in order:
        if tensors[path]:
            draw_layer(sheet, path, known.get(path), tensors[path], images.get(path), sample)


def _prepare_activations(
    activations: dict[str, list[ScaledTensor]], layers: dict[str, LayerEntry], sample: Sample
) -> None:
    """Give a layer that keeps, drops or moves values the scale of the layer before, and the last layer its names."""
    ordered = [values for group in activations.values() for values in group]
    named = {values.tensor.name: values for values in ordered}
    for last, values in itertools.pairwise(ordered):
        layer = layers.get(values.tensor.layer)
        before = named.get(layer.inputs[0]) if layer is not None and layer.inputs else last
        if layer is not None and layer.type in _KEEPS_VALUES and before is not None and before.scale.limit:
            values.borrow_scale(before.scale)
    if ordered:
        name_outputs(ordered, sample)


def _make_data_block(weights: WeightFile) -> ElementTree.Element:
    """Return the data block: a header of JSON and the bytes of each tensor."""
    block = ElementTree.Element("weights", {"xmlns": NAMESPACE})
    ElementTree.SubElement(block, "header").text = write_header(weights)
    for tensor in weights:
        ElementTree.SubElement(block, "tensor").text = encode(tensor.read())
    return block
