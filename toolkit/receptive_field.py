"""The part of a network's input that one value depends on, followed through layers and along the edges of a Graph."""

from collections.abc import Iterator, Sequence

from cnnkit.layers import Graph, Layer, Sequential, external_layer
from cnnkit.layers.base import POINTWISE, Reach, Shapes, list_shapes
from cnnkit.layers.graph.node import split_reference
from cnnkit.layers.graph.ordering import find_layers

Sizes = tuple[int, ...]
ReceptiveField = tuple[Sizes, Sizes]  # size of the input that a value sees, and its shift to the next value
Fields = tuple[ReceptiveField | None, ...]  # of each input or output of a layer; None for all of the network's input


def start_fields(x_shape: Shapes) -> Fields:
    """Return the receptive fields of the inputs themselves: one pixel, one further for the next.

    There is a number for each spatial axis; rows, which have none, count as images.
    """
    ones = ((1,) * (len(shape) - 1 or 2) for shape in list_shapes(x_shape))
    return tuple((one, one) for one in ones)


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


def join_fields(fields: Sequence[ReceptiveField | None]) -> ReceptiveField | None:
    """Return the widest of several fields, None where one is all of the input or they have other axes."""
    known = [field for field in fields if field is not None]
    if not known or len(known) < len(fields) or len({len(sizes) for sizes, _ in known}) > 1:
        return None
    return tuple(map(max, zip(*(sizes for sizes, _ in known), strict=True))), known[0][1]


def _reach_further(field: ReceptiveField | None, reach: Reach | None) -> ReceptiveField | None:
    """Return (size + (extent - 1)*shift, shift*stride) on each axis."""
    if field is None or reach is None or reach == POINTWISE:
        return None if reach is None else field
    sizes, shifts = field
    if len(reach.extent) != len(sizes):  # after a Reshape
        return None
    grown = (size + (extent - 1) * shift for size, extent, shift in zip(sizes, reach.extent, shifts, strict=True))
    return tuple(grown), tuple(shift * stride for shift, stride in zip(shifts, reach.stride, strict=True))
