"""The part of a network's input that one value depends on, followed through layers and along the edges of a Graph."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from cnnkit.layers import Graph, Layer, Sequential, external_layer
from cnnkit.layers.base import POINTWISE, Reach, Shapes, list_shapes
from cnnkit.layers.graph.node import split_reference
from cnnkit.layers.graph.ordering import find_layers

Sizes = tuple[int, ...]


class ReceptiveField(NamedTuple):
    """What a value sees of the network's input, with a number for each spatial axis.

    size: in pixels. shift: to what the next value sees. start: of the first value's first pixel, below 0 in padding.
    """

    size: Sizes
    shift: Sizes
    start: Sizes

    def locate(self, position: Sizes) -> tuple[tuple[int, int], ...]:
        """Return (first, behind the last) pixel on each axis that a value sees, also beyond the edge."""
        firsts = (start + shift * place for start, shift, place in zip(self.start, self.shift, position, strict=True))
        return tuple((first, first + size) for first, size in zip(firsts, self.size, strict=True))


Fields = tuple[ReceptiveField | None, ...]  # of each input or output of a layer; None for all of the network's input


def start_fields(x_shape: Shapes) -> Fields:
    """Return the receptive fields of the inputs themselves: one pixel, one further for the next.

    There is a number for each spatial axis; rows, which have none, count as images.
    """
    ones = ((1,) * (len(shape) - 1 or 2) for shape in list_shapes(x_shape))
    return tuple(ReceptiveField(one, one, (0,) * len(one)) for one in ones)


def follow(layer: Layer, x_shape: Shapes, fields: Fields) -> Fields:
    """Return the receptive fields of a layer's outputs, given those of its inputs."""
    if isinstance(layer, Graph):
        seen = dict(follow_nodes(layer, x_shape, fields))
        inputs = dict(zip(layer.input_names, fields, strict=True))
        ends = [split_reference(name) for name in layer.output_names]
        return tuple(seen[name][1][number] if name in seen else inputs[name] for name, number in ends)
    children = list(layer.children(x_shape))
    if isinstance(layer, Sequential):
        for _, inner, shape in children:
            fields = follow(inner, shape, fields)
        return fields
    if children:
        return (join_fields([field for _, inner, shape in children for field in follow(inner, shape, fields)]),)
    after = _reach_further(join_fields(fields), external_layer.reach(layer, x_shape))
    return (after,) * layer.output_count


def follow_nodes(graph: Graph, x_shape: Shapes, fields: Fields) -> Iterator[tuple[str, tuple[Fields, Fields]]]:
    """Yield (name, (fields of its inputs, fields of its outputs)) of each node of a Graph in order."""
    layers, shapes = find_layers(graph.nodes), graph.node_shapes(x_shape)
    known = {(name, 0): field for name, field in zip(graph.input_names, fields, strict=True)}
    for node in graph.nodes:
        entering = tuple(known[split_reference(reference)] for reference in node.inputs)
        leaving = follow(layers[node.name][1], shapes[node.name][0], entering)
        known |= {(node.name, number): field for number, field in enumerate(leaving)}
        yield node.name, (entering, leaving)


def find_field(layer: Layer, x_shape: Shapes, path: str, fields: Fields | None = None) -> ReceptiveField | None:
    """Return the receptive field of the first output of the layer at a path inside `layer`, None for all of the input.

    Raises KeyError where there is no such layer.
    """
    name, _, rest = path.partition(".")
    entering = start_fields(x_shape) if fields is None else fields
    if isinstance(layer, Graph):
        entering = dict(follow_nodes(layer, x_shape, entering))[name][0]
        inner, shape = find_layers(layer.nodes)[name][1], layer.node_shapes(x_shape)[name][0]
    else:
        for child, inner, shape in layer.children(x_shape):
            if child == name:
                break
            entering = follow(inner, shape, entering) if isinstance(layer, Sequential) else entering
        else:
            raise KeyError(path)
    return find_field(inner, shape, rest, entering) if rest else follow(inner, shape, entering)[0]


def join_fields(fields: Sequence[ReceptiveField | None]) -> ReceptiveField | None:
    """Return the field that holds several, None where one is all of the input or they have other axes."""
    known = [field for field in fields if field is not None]
    if not known or len(known) < len(fields) or len({len(field.size) for field in known}) > 1:
        return None
    starts = tuple(map(min, zip(*(field.start for field in known), strict=True)))
    ends = tuple(map(max, zip(*((s + n for s, n in zip(f.start, f.size, strict=True)) for f in known), strict=True)))
    sizes = tuple(end - start for start, end in zip(starts, ends, strict=True))
    return ReceptiveField(sizes, known[0].shift, starts)


def _reach_further(field: ReceptiveField | None, reach: Reach | None) -> ReceptiveField | None:
    """Return size + (extent - 1)*shift, shift*stride and start - before*shift on each axis."""
    if field is None or reach is None or reach == POINTWISE:
        return None if reach is None else field
    if len(reach.extent) != len(field.size):  # after a Reshape
        return None
    before = reach.before or (0,) * len(field.size)
    axes = list(zip(*field, reach.extent, reach.stride, before, strict=True))
    return ReceptiveField(
        tuple(size + (extent - 1) * shift for size, shift, _, extent, _, _ in axes),
        tuple(shift * stride for _, shift, _, _, stride, _ in axes),
        tuple(start - first * shift for _, shift, start, _, _, first in axes),
    )
