"""The architecture that a weight file carries: every layer with type, fields, path, input and output shape."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from cnnkit.errors import ConfigError
from cnnkit.layers import Graph, Layer, Sequential, from_config, to_config
from cnnkit.layers.base import Shapes
from cnnkit.layers.fields import require_input_shape, require_input_shapes
from cnnkit.layers.schema import graph_from_tables, node_to_config

_DERIVED = ("path", "input_shape", "output_shape")
_NODE = ("name", "inputs", "shares")
GRAPH_NAMES = ("input_names", "output_names")


class PlacedLayer(NamedTuple):
    """A layer with its path in a network; shapes are of one sample."""

    path: str
    layer: Layer
    input_shape: Shapes
    output_shape: Shapes


def describe(network: Layer, input_shape: Shapes) -> dict[str, Any]:
    """Return the network as JSON-ready data: {"input_shape": [...], "layers": [{"type": ..., "path": "0", ...}]}.

    A Graph adds "input_names" and "output_names", and to its layers "name" and "inputs", or what a node "shares".
    """
    if isinstance(network, Graph):
        names = {"input_names": list(network.input_names), "output_names": list(network.output_names)}
        layers = _annotated_nodes("", network, input_shape)
        return {"input_shape": _to_lists(input_shape), **names, "layers": layers}
    layers = [_annotated(name, layer, shape) for name, layer, shape in network.children(input_shape)]
    return {"input_shape": list(input_shape), "layers": layers}


def _annotated_nodes(prefix: str, graph: Graph, x_shape: Shapes) -> list[dict[str, Any]]:
    """Return the nodes with their shapes, those with a layer of their own with its path."""
    shapes, described = graph.node_shapes(x_shape), []
    for node in graph.nodes:
        taken, given = shapes[node.name]
        if node.layer is not None:
            config = node_to_config(node) | _annotated(prefix + node.name, node.layer, taken)
        else:
            config = node_to_config(node) | {"input_shape": _to_lists(taken), "output_shape": _to_lists(given)}
        described.append(config)
    return described


def _to_lists(shapes: Shapes) -> list[Any]:
    return [list(part) if isinstance(part, tuple) else part for part in shapes]


def _annotated(path: str, layer: Layer, x_shape: Shapes) -> dict[str, Any]:
    """Return the layer's fields with path and shapes, for the layers inside it as well."""
    config = to_config(layer)
    shapes = {"path": path, "input_shape": _to_lists(x_shape), "output_shape": _to_lists(layer.output_shape(x_shape))}
    if isinstance(layer, Graph):
        return config | {"layers": _annotated_nodes(f"{path}.", layer, x_shape)} | shapes
    inside = (_annotated(f"{path}.{name}", child, shape) for name, child, shape in layer.children(x_shape))
    for field in dataclasses.fields(layer):  # type: ignore[arg-type]  # `children` lists layers in the order of the fields
        value = getattr(layer, field.name)
        if isinstance(value, Layer):
            config[field.name] = next(inside)
        elif isinstance(value, tuple) and value and isinstance(value[0], Layer):
            config[field.name] = [next(inside) for _ in value]
    return config | shapes


def build(description: Mapping[str, Any], own: Sequence[type[Layer]] = ()) -> tuple[Layer, Shapes]:
    """Return (network, input_shape) from the output of `describe`, or from a model file's tables.

    The network is a Graph where a layer has a name, inputs or shares, or the description names inputs or outputs; else
    a Sequential. own: classes of layers in addition to cnnkit's. Raises ConfigError.
    """
    shape, layers = description.get("input_shape"), description.get("layers")
    names = {key: description[key] for key in GRAPH_NAMES if description.get(key) is not None}
    if names or (isinstance(layers, list) and any(map(_is_node, layers))):
        graph = graph_from_tables(_without_derived(layers), own, "layers", names)
        return graph, require_input_shapes(shape, graph.input_count)
    input_shape = require_input_shape(shape)
    if not isinstance(layers, list) or not layers:
        raise ConfigError("layers: expected at least one [[layers]] table with a type, got none")
    try:
        built = [from_config(_without_derived(config), own, f"layers[{i}]") for i, config in enumerate(layers)]
    except RecursionError:
        raise ConfigError("layers: nested too deeply") from None
    return Sequential(tuple(built)), input_shape


def _is_node(table: Any) -> bool:
    return isinstance(table, Mapping) and any(key in table for key in _NODE)


def _without_derived(config: Any) -> Any:
    """Return a layer's table without path and shapes, which follow from the network."""
    if isinstance(config, Mapping):
        is_layer = "type" in config or "shares" in config
        return {key: _without_derived(value) for key, value in config.items() if not (is_layer and key in _DERIVED)}
    return [_without_derived(item) for item in config] if isinstance(config, list) else config


def replace_initializers(description: Any, initializers: Mapping[str, str]) -> Any:
    """Return the output of `describe` with weight_initializer or bias_initializer replaced where a layer has it."""
    if isinstance(description, list):
        return [replace_initializers(item, initializers) for item in description]
    if not isinstance(description, dict):
        return description
    return {
        key: initializers.get(key) or replace_initializers(value, initializers) for key, value in description.items()
    }


def walk_layers(layer: Layer, x_shape: Shapes, prefix: str = "") -> Iterator[PlacedLayer]:
    """Yield every layer inside `layer`; a combinator comes before the layers inside it."""
    for name, child, shape in layer.children(x_shape):
        yield PlacedLayer(prefix + name, child, shape, child.output_shape(shape))
        yield from walk_layers(child, shape, f"{prefix}{name}.")
