"""A network in numbers, before any training: shapes, parameters, receptive field, multiply-adds, memory."""

import dataclasses
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from cnnkit.backends.protocol import Pair, Shape
from cnnkit.layers import Graph, Layer, Sequential, external_layer
from cnnkit.layers.fields import require_input_shapes
from cnnkit.notebook_tables import draw_caption, draw_table, join_shape
from cnnkit.tree import Tree, child

ReceptiveField = tuple[Pair, Pair]  # size of the input that a value sees, and its shift to the next value
START: ReceptiveField = ((1, 1), (1, 1))


@dataclass(frozen=True)
class SummaryRow:
    """One layer; shapes are of one sample.

    setting          its fields that differ from their defaults
    parameters, state  numbers of values of this layer, without the layers inside it
    receptive_field  (height, width) of the network's input that one output value depends on; None for all of it
    multiply_adds    multiplications with a weight per sample
    remainder        (height, width) of input pixels at the end that no window covers
    combines         True for a layer that holds others
    """

    path: str
    type: str
    setting: str
    input_shape: Shape
    output_shape: Shape
    parameters: int
    state: int
    receptive_field: Pair | None
    multiply_adds: int
    remainder: Pair
    combines: bool


@dataclass(frozen=True)
class Summary:
    """All layers in order; those inside a combinator follow it."""

    input_shape: Shape
    output_shape: Shape
    rows: tuple[SummaryRow, ...]

    @property
    def parameters(self) -> int:
        """The number of trained values."""
        return sum(row.parameters for row in self.rows)

    @property
    def multiply_adds(self) -> int:
        """Multiplications with a weight per sample, of all layers."""
        return sum(row.multiply_adds for row in self.rows)

    @property
    def activations(self) -> int:
        """The number of values that the forward pass of one sample stores: the input and every layer's output."""
        return math.prod(self.input_shape) + sum(math.prod(row.output_shape) for row in self.rows if not row.combines)

    def training_bytes(self, batch_size: int, slots: int = 2, itemsize: int = 4) -> int:
        """Return the approximate bytes of a training step: parameters, their gradients, slots, activations."""
        return itemsize * (self.parameters * (2 + slots) + 2 * batch_size * self.activations)

    def _repr_html_(self) -> str:
        """Return the table of layers that a notebook displays."""
        return f"<div>{draw_caption('Summary', self.describe())}{self.draw_layers()}</div>"

    def describe(self) -> str:
        """Return shapes, parameters and multiply-adds in one line."""
        shapes = f"input {join_shape(self.input_shape)}, output {join_shape(self.output_shape)}"
        return f"{shapes}, {self.parameters:,} parameters, {self.multiply_adds:,} multiply-adds per sample"

    def draw_layers(self) -> str:
        """Return the layers as an HTML table."""
        rows = [
            (
                f"{row.path} {row.type}",
                row.setting,
                join_shape(row.output_shape),
                f"{row.parameters:,}" if row.parameters else "-",
                "all" if row.receptive_field is None else join_shape(row.receptive_field),
                f"{row.multiply_adds:,}" if row.multiply_adds else "-",
            )
            for row in self.rows
        ]
        return draw_table(("layer", "setting", "output", "parameters", "sees", "multiply-adds"), rows, 3, ("setting",))


def summarise(network: Layer, input_shape: Shape) -> Summary:
    """Return the summary of a network for samples of input_shape; no weight is drawn. Raises ShapeError."""
    network = network if isinstance(network, Sequential | Graph) else Sequential((network,))
    input_shape = require_input_shapes(input_shape, network.input_count)
    shapes = network.variable_shapes(input_shape)
    rows = list(_rows(network, input_shape, "", START, shapes.params, shapes.state))
    return Summary(input_shape, network.output_shape(input_shape), tuple(rows))


def _rows(
    parent: Layer, x_shape: Shape, prefix: str, field: ReceptiveField | None, params: Tree, state: Tree
) -> Iterator[SummaryRow]:
    for name, layer, shape in parent.children(x_shape):
        layer_params, layer_state = child(params, name), child(state, name)
        entering = field
        after = _after(layer, shape, entering)
        reach = external_layer.reach(layer, shape)
        combines = any(True for _ in layer.children(shape))
        yield SummaryRow(
            prefix + name,
            layer.type,
            _setting(layer),
            shape,
            layer.output_shape(shape),
            _count(layer_params),
            _count(layer_state),
            after[0] if after else None,
            external_layer.multiply_adds(layer, shape),
            reach.remainder if reach else (0, 0),
            combines,
        )
        yield from _rows(layer, shape, f"{prefix}{name}.", entering, layer_params, layer_state)
        if isinstance(parent, Sequential):
            field = after


def _after(layer: Layer, x_shape: Shape, field: ReceptiveField | None) -> ReceptiveField | None:
    """Return the receptive field of the output, given that of the input: (size + (extent - 1)*shift, shift*stride)."""
    children = list(layer.children(x_shape))
    if not children:
        reach = external_layer.reach(layer, x_shape)
        if field is None or reach is None:
            return None
        (height, width), (down, across) = field
        return (
            (height + (reach.extent[0] - 1) * down, width + (reach.extent[1] - 1) * across),
            (down * reach.stride[0], across * reach.stride[1]),
        )
    if isinstance(layer, Sequential):
        for _, inner, shape in children:
            field = _after(inner, shape, field)
        return field
    seen = [_after(inner, shape, field) for _, inner, shape in children]
    widest = [s for s in seen if s is not None]
    if field is None or len(widest) < len(seen):
        return None
    size = (max(s[0][0] for s in widest), max(s[0][1] for s in widest))
    return size, widest[0][1]


def _count(tree: Tree) -> int:
    """Return the number of values in a tree of shapes, without those of the layers inside the layer."""
    return sum(math.prod(shape) for shape in tree.values() if not isinstance(shape, dict))


def _setting(layer: Layer) -> str:
    shown = []
    for f in dataclasses.fields(layer):  # type: ignore[arg-type]
        value: Any = getattr(layer, f.name)
        if isinstance(value, Layer) or (isinstance(value, tuple) and value and isinstance(value[0], Layer)):
            continue
        if value != f.default and not f.name.endswith("_initializer"):
            shown.append(f"{f.name}={value}")
    return " ".join(shown)
