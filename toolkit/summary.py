"""A network in numbers, before any training: shapes, parameters, receptive field, multiply-adds, memory."""

import dataclasses
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from cnnkit.layers import Graph, Layer, Node, Sequential, external_layer
from cnnkit.layers.base import POINTWISE, Shapes, count_values, list_shapes
from cnnkit.layers.fields import require_input_shapes
from cnnkit.layers.graph.ordering import find_layers
from cnnkit.notebook_tables import draw_caption, draw_table, join_shape
from cnnkit.receptive_field import Fields, Sizes, follow, follow_nodes, join_fields, start_fields
from cnnkit.tree import Tree, child

NOTHING: Tree = {}


@dataclass(frozen=True)
class SummaryRow:
    """One layer; shapes are of one sample, of several inputs or outputs a tuple of shapes.

    setting          its fields that differ from their defaults
    parameters, state  numbers of values of this layer, without the layers inside it
    receptive_field  of the network's input, what one output value depends on: (height, width), of signals (length,), of
                     volumes (depth, height, width); the widest of several inputs; None for all of it
    multiply_adds    multiplications with a weight per sample
    remainder        input pixels at the end of each spatial axis that no window covers
    combines         True for a layer that holds others
    inputs           the names that a node of a Graph takes
    shares           the path of the layer whose weights a node uses again; then it has no parameters of its own
    """

    path: str
    type: str
    setting: str
    input_shape: Shapes
    output_shape: Shapes
    parameters: int
    state: int
    receptive_field: Sizes | None
    multiply_adds: int
    remainder: Sizes
    combines: bool
    inputs: tuple[str, ...] = ()
    shares: str | None = None

    @property
    def title(self) -> str:
        """Path and type, and what it runs again."""
        return f"{self.path} {self.type}" + (f", {self.shares} again" if self.shares is not None else "")


@dataclass(frozen=True)
class Summary:
    """All layers in order; those inside a combinator follow it."""

    input_shape: Shapes
    output_shape: Shapes
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
        rows = (row for row in self.rows if not row.combines)
        return count_values(self.input_shape) + sum(count_values(row.output_shape) for row in rows)

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
                row.title,
                row.setting,
                join_shape(row.output_shape),
                f"{row.parameters:,}" if row.parameters else "-",
                "all" if row.receptive_field is None else join_shape(row.receptive_field),
                f"{row.multiply_adds:,}" if row.multiply_adds else "-",
            )
            for row in self.rows
        ]
        return draw_table(("layer", "setting", "output", "parameters", "sees", "multiply-adds"), rows, 3, ("setting",))


def summarise(network: Layer, input_shape: Shapes) -> Summary:
    """Return the summary of a network for samples of input_shape; no weight is drawn. Raises ShapeError."""
    network = network if isinstance(network, Sequential | Graph) else Sequential((network,))
    input_shape = require_input_shapes(input_shape, network.input_count)
    shapes = network.variable_shapes(input_shape)
    rows = list(_rows(network, input_shape, "", start_fields(input_shape), shapes.params, shapes.state))
    return Summary(input_shape, network.output_shape(input_shape), tuple(rows))


def _rows(
    parent: Layer, x_shape: Shapes, prefix: str, fields: Fields, params: Tree, state: Tree
) -> Iterator[SummaryRow]:
    if isinstance(parent, Graph):
        yield from _node_rows(parent, x_shape, prefix, fields, params, state)
        return
    for name, layer, shape in parent.children(x_shape):
        after = follow(layer, shape, fields)
        yield _row(prefix + name, layer, shape, after, params=child(params, name), state=child(state, name))
        yield from _rows(layer, shape, f"{prefix}{name}.", fields, child(params, name), child(state, name))
        if isinstance(parent, Sequential):
            fields = after


def _node_rows(
    graph: Graph, x_shape: Shapes, prefix: str, fields: Fields, params: Tree, state: Tree
) -> Iterator[SummaryRow]:
    layers, shapes = find_layers(graph.nodes), graph.node_shapes(x_shape)
    seen = dict(follow_nodes(graph, x_shape, fields))
    for node in graph.nodes:
        name, layer, shape = node.name, layers[node.name][1], shapes[node.name][0]
        entering, after = seen[name]
        if node.shares is not None:
            cost = _count_multiply_adds(layer, shape)
            row = _row(prefix + name, layer, shape, after, inputs=node.inputs, shares=prefix + node.shares)
            yield dataclasses.replace(row, multiply_adds=cost, combines=False)
            continue
        own, kept = child(params, name), child(state, name)
        yield _row(prefix + name, layer, shape, after, inputs=node.inputs, params=own, state=kept)
        yield from _rows(layer, shape, f"{prefix}{name}.", entering, own, kept)


def _row(
    path: str,
    layer: Layer,
    x_shape: Shapes,
    after: Fields,
    *,
    params: Tree = NOTHING,
    state: Tree = NOTHING,
    inputs: tuple[str, ...] = (),
    shares: str | None = None,
) -> SummaryRow:
    reach, widest = external_layer.reach(layer, x_shape), join_fields(after)
    axes = len(list_shapes(x_shape)[0]) - 1 or 2
    return SummaryRow(
        path,
        layer.type,
        _setting(layer),
        x_shape,
        layer.output_shape(x_shape),
        _count(params),
        _count(state),
        widest[0] if widest else None,
        external_layer.multiply_adds(layer, x_shape),
        reach.remainder if reach and reach != POINTWISE else (0,) * axes,
        any(True for _ in layer.children(x_shape)),
        inputs,
        shares,
    )


def _count_multiply_adds(layer: Layer, x_shape: Shapes) -> int:
    """Return the multiplications of a layer and all layers inside it, each as often as it runs."""
    inner: Iterable[tuple[str, Layer, Shapes]] = layer.children(x_shape)
    if isinstance(layer, Graph):
        layers, shapes = find_layers(layer.nodes), layer.node_shapes(x_shape)
        inner = ((node.name, layers[node.name][1], shapes[node.name][0]) for node in layer.nodes)
    return external_layer.multiply_adds(layer, x_shape) + sum(
        _count_multiply_adds(one, shape) for _, one, shape in inner
    )


def _count(tree: Tree) -> int:
    """Return the number of values in a tree of shapes, without those of the layers inside the layer."""
    return sum(math.prod(shape) for shape in tree.values() if not isinstance(shape, dict))


def _setting(layer: Layer) -> str:
    shown = []
    for f in dataclasses.fields(layer):  # type: ignore[arg-type]
        value: Any = getattr(layer, f.name)
        if isinstance(value, Layer) or (isinstance(value, tuple) and value and isinstance(value[0], Layer | Node)):
            continue
        if value != f.default and not f.name.endswith("_initializer"):
            shown.append(f"{f.name}={value}")
    return " ".join(shown)
