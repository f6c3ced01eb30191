"""What a network is, before anything is trained: shapes, parameters, receptive field, multiply-adds, memory."""

import dataclasses
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from cnnkit.backends.protocol import Pair, Shape
from cnnkit.layers import Layer, Sequential
from cnnkit.tree import Tree, child

Field = tuple[Pair, Pair]  # what a value sees of the input: its size, and how far it moves from value to value
START: Field = ((1, 1), (1, 1))


@dataclass(frozen=True)
class SummaryRow:
    """One layer. Shapes are a sample's.

    setting          its fields that are not at their defaults
    receptive_field  (height, width) of the network's input that one output value sees; None where it sees all of it
    multiply_adds    multiplications with a weight that one sample costs
    remainder        (height, width) of pixels at the end that no window sees
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
    """All layers in order; those inside a combinator stand below it."""

    input_shape: Shape
    output_shape: Shape
    rows: tuple[SummaryRow, ...]

    @property
    def parameters(self) -> int:
        """All trained values."""
        return sum(row.parameters for row in self.rows)

    @property
    def multiply_adds(self) -> int:
        """Of one sample, all layers together."""
        return sum(row.multiply_adds for row in self.rows)

    @property
    def activations(self) -> int:
        """The numbers that one sample's forward pass holds: the input and every layer's output."""
        return math.prod(self.input_shape) + sum(math.prod(row.output_shape) for row in self.rows if not row.combines)

    def training_bytes(self, batch_size: int, slots: int = 2, itemsize: int = 4) -> int:
        """Return about what a training step holds: parameters, gradients, slots, activations and their gradients."""
        return itemsize * (self.parameters * (2 + slots) + 2 * batch_size * self.activations)


def summarise(network: Sequential, input_shape: Shape) -> Summary:
    """Return the summary of a network for samples of input_shape. Raises ShapeError."""
    variables = network.init(np.random.default_rng(0), input_shape)
    rows = list(_rows(network, input_shape, "", START, variables.params, variables.state))
    return Summary(input_shape, network.output_shape(input_shape), tuple(rows))


def _rows(
    parent: Layer, x_shape: Shape, prefix: str, field: Field | None, params: Tree, state: Tree
) -> Iterator[SummaryRow]:
    for name, layer, shape in parent.children(x_shape):
        own, carried = child(params, name), child(state, name)
        entering = field
        after = _after(layer, shape, entering)
        reach = layer.reach(shape)
        combines = any(True for _ in layer.children(shape))
        yield SummaryRow(
            prefix + name,
            layer.type,
            _setting(layer),
            shape,
            layer.output_shape(shape),
            _count(own),
            _count(carried),
            after[0] if after else None,
            layer.multiply_adds(shape),
            reach.remainder if reach else (0, 0),
            combines,
        )
        yield from _rows(layer, shape, f"{prefix}{name}.", entering, own, carried)
        if isinstance(parent, Sequential):
            field = after


def _after(layer: Layer, x_shape: Shape, field: Field | None) -> Field | None:
    """Return what the layer's output sees, given what its input sees: (size + (extent - 1)*pace, pace*stride)."""
    children = list(layer.children(x_shape))
    if not children:
        reach = layer.reach(x_shape)
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
    """Return the values that are the layer's own, those of layers inside it left out."""
    return sum(int(np.size(value)) for value in tree.values() if not isinstance(value, dict))


def _setting(layer: Layer) -> str:
    shown = []
    for f in dataclasses.fields(layer):  # type: ignore[arg-type]
        value: Any = getattr(layer, f.name)
        if isinstance(value, Layer) or (isinstance(value, tuple) and value and isinstance(value[0], Layer)):
            continue
        if value != f.default and not f.name.endswith("_initializer"):
            shown.append(f"{f.name}={value}")
    return " ".join(shown)
