"""The layers of a network in one line: a chain of layers and shapes, or what a Graph is made of."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from cnnkit.exporters.core.architecture import input_shape, outer_layers, shapes_of
from cnnkit.exporters.svg.graph.links import find_links
from cnnkit.exporters.svg.lettering import format_shape, make_safe
from cnnkit.exporters.svg.network import describe

_MOST_TYPES = 12  # named in one line


def describe_chain(architecture: Mapping[str, Any] | None) -> list[str]:
    """Return "1×28×28", "Conv2D 3×3", "8×26×26", ...: a shape after every layer that changes it."""
    links = find_links(architecture)
    if links is not None and not links.is_chain:
        return _describe_graph(architecture or {})
    shape = input_shape(architecture)
    words = [format_shape(shape)] if shape else []
    for layer in outer_layers(architecture):
        words.append(describe(layer))
        if layer.output_shape and layer.output_shape != shape:
            shape = layer.output_shape
            words.append(format_shape(shape))
    return words


def _describe_graph(architecture: Mapping[str, Any]) -> list[str]:
    """Return the shapes of the inputs, how many layers of which type there are, and the shapes of the outputs."""
    layers, ends = outer_layers(architecture), architecture.get("output_names")
    types = Counter(make_safe(layer.type, 30) for layer in layers)
    counted = [f"{number:,} {kind}" for kind, number in types.most_common(_MOST_TYPES)]
    rest = sum(types.values()) - sum(number for _, number in types.most_common(_MOST_TYPES))
    made = {layer.name: layer.output_shapes for layer in layers}
    names = [str(end) for end in ends[:_MOST_TYPES]] if isinstance(ends, list) else [layers[-1].name]
    outputs = [made.get(name) or made.get(name.rpartition(":")[0], ()) for name in names]
    inputs = shapes_of(architecture.get("input_shape"))
    return [
        *filter(None, [" and ".join(map(format_shape, inputs[:_MOST_TYPES]))]),
        f"a graph of {', '.join([*counted, *([f'{rest:,} others'] if rest else [])])}",
        *filter(None, [" and ".join(format_shape(shapes[0]) for shapes in outputs if shapes)]),
    ]
