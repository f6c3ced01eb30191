"""The architecture that a weight file carries: every layer with type, fields, path, input and output shape."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from cnnkit.backends.protocol import Shape
from cnnkit.errors import ConfigError
from cnnkit.layers import Layer, Sequential, from_config, to_config
from cnnkit.layers.fields import require_input_shape

_DERIVED = ("path", "input_shape", "output_shape")


class PlacedLayer(NamedTuple):
    """A layer with its path in a network; shapes are of one sample."""

    path: str
    layer: Layer
    input_shape: Shape
    output_shape: Shape


def describe(network: Layer, input_shape: Shape) -> dict[str, Any]:
    """Return the network as JSON-ready data: {"input_shape": [...], "layers": [{"type": ..., "path": "0", ...}]}."""
    layers = [_annotated(name, layer, shape) for name, layer, shape in network.children(input_shape)]
    return {"input_shape": list(input_shape), "layers": layers}


def _annotated(path: str, layer: Layer, x_shape: Shape) -> dict[str, Any]:
    """Return the layer's fields with path and shapes, for the layers inside it as well."""
    config = to_config(layer)
    inside = (_annotated(f"{path}.{name}", child, shape) for name, child, shape in layer.children(x_shape))
    for field in dataclasses.fields(layer):  # type: ignore[arg-type]  # `children` lists layers in the order of the fields
        value = getattr(layer, field.name)
        if isinstance(value, Layer):
            config[field.name] = next(inside)
        elif isinstance(value, tuple) and value and isinstance(value[0], Layer):
            config[field.name] = [next(inside) for _ in value]
    return config | {"path": path, "input_shape": list(x_shape), "output_shape": list(layer.output_shape(x_shape))}


def build(description: Mapping[str, Any], own: Sequence[type[Layer]] = ()) -> tuple[Sequential, Shape]:
    """Return (network, input_shape) from the output of `describe`, or from a model file's tables.

    own: classes of layers in addition to cnnkit's. Raises ConfigError.
    """
    shape, layers = description.get("input_shape"), description.get("layers")
    input_shape = require_input_shape(shape)
    if not isinstance(layers, list) or not layers:
        raise ConfigError("layers: expected at least one [[layers]] table with a type, got none")
    try:
        built = [from_config(_without_derived(config), own, f"layers[{i}]") for i, config in enumerate(layers)]
    except RecursionError:
        raise ConfigError("layers: nested too deeply") from None
    return Sequential(tuple(built)), input_shape


def _without_derived(config: Any) -> Any:
    """Return a layer's table without path and shapes, which follow from the network."""
    if isinstance(config, Mapping):
        is_layer = "type" in config
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


def walk_layers(layer: Layer, x_shape: Shape, prefix: str = "") -> Iterator[PlacedLayer]:
    """Yield every layer inside `layer`; a combinator comes before the layers inside it."""
    for name, child, shape in layer.children(x_shape):
        yield PlacedLayer(prefix + name, child, shape, child.output_shape(shape))
        yield from walk_layers(child, shape, f"{prefix}{name}.")
