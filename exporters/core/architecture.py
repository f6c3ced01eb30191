"""The architecture JSON of a weight file as layers in order; what a foreign file leaves out or breaks is skipped."""

import contextlib
import math
import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cnnkit.errors import ExportError
from cnnkit.files.names import describe_value, printable

Shape = tuple[int, ...]
LayerFields = Mapping[str, Any]
_MAX_DEPTH = 32


@dataclass(frozen=True)
class LayerEntry:
    """One layer of the JSON.

    path      dotted, as in the names of its tensors: "3.body.0"; "" where the file has none
    fields    the layer's JSON object
    shapes    of one sample; None where the file has none
    children  the layers inside a combinator, in the order of its fields
    """

    path: str
    type: str
    fields: LayerFields
    input_shape: Shape | None
    output_shape: Shape | None
    children: tuple["LayerEntry", ...]


def outer_layers(architecture: Mapping[str, Any] | None) -> tuple[LayerEntry, ...]:
    """Return the layers of the outermost sequence."""
    layers = (architecture or {}).get("layers")
    return tuple(_read_entries(layers, 0)) if isinstance(layers, list) else ()


def all_layers(layers: Iterable[LayerEntry]) -> Iterator[LayerEntry]:
    """Yield every layer, a combinator before the layers inside it."""
    for layer in layers:
        yield layer
        yield from all_layers(layer.children)


def input_shape(architecture: Mapping[str, Any] | None) -> Shape | None:
    """Return the shape of one sample."""
    return shape_of((architecture or {}).get("input_shape"))


def shape_of(value: Any) -> Shape | None:
    """Return a JSON list of up to 7 positive numbers below 2^31 as a shape; None for anything else."""
    valid = isinstance(value, list) and len(value) < 8 and all(type(n) is int and 0 < n < 1 << 31 for n in value)
    return tuple(value) if valid else None


def require_layers(architecture: Mapping[str, Any]) -> list[LayerFields]:
    """Return the layers of the outermost sequence, for a format that computes with them.

    Raises ExportError for layers that are no objects with a type and a path, for shapes that are none, and for a
    nesting that no network needs.
    """
    layers = architecture.get("layers")
    if not isinstance(layers, list) or not layers:
        raise ExportError(f"architecture: expected a list of layers, got {describe_value(layers)}")
    for index, layer in enumerate(layers):
        _require_layer(layer, f"layers[{index}]", 0)
    return layers


def _require_layer(layer: Any, where: str, depth: int) -> None:
    if not isinstance(layer, dict) or not isinstance(layer.get("type"), str):
        raise ExportError(f"architecture: {where}: expected a layer with a type, got {describe_value(layer)}")
    if depth > _MAX_DEPTH:
        raise ExportError(f"architecture: {where}: layers nested more than {_MAX_DEPTH} deep")
    if not isinstance(layer.get("path", ""), str):
        raise ExportError(f"architecture: {where}.path: expected a text, got {describe_value(layer['path'])}")
    for name in ("input_shape", "output_shape"):
        if name in layer and shape_of(layer[name]) is None:
            raise ExportError(f"architecture: {where}.{name}: expected a shape, got {describe_value(layer[name])}")
    for name in ("body", "shortcut"):
        if layer.get(name) is not None:
            _require_layer(layer[name], f"{where}.{name}", depth + 1)
    for name in ("layers", "branches"):
        inner = layer.get(name, [])
        if not isinstance(inner, list):
            raise ExportError(f"architecture: {where}.{name}: expected a list of layers, got {describe_value(inner)}")
        for index, item in enumerate(inner):
            _require_layer(item, f"{where}.{name}[{index}]", depth + 1)


@contextlib.contextmanager
def layer_faults(layer: LayerFields) -> Iterator[None]:
    """Turn what goes wrong for want of a valid field into an ExportError about the layer."""
    try:
        yield
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, struct.error) as error:
        problem = printable(f"{type(error).__name__}: {error}")
        where = f"layer {layer.get('path')} ({printable(str(layer.get('type')))})"
        raise ExportError(f"{where}: its description lacks something: {problem}") from error


def find_flattened_images(architecture: Mapping[str, Any] | None) -> dict[str, Shape]:
    """Return {path of a Dense layer: the (C, H, W) that Flatten made its input of}.

    Only layers that keep the order of values may come between the two.
    """
    return _find_images(outer_layers(architecture))


def _find_images(layers: Iterable[LayerEntry]) -> dict[str, Shape]:
    images: dict[str, Shape] = {}
    image: Shape | None = None
    for layer in layers:
        images |= _find_images(layer.children)
        if layer.type == "Flatten":
            image = layer.input_shape if layer.input_shape and len(layer.input_shape) == 3 else None
        elif layer.type == "Dense":
            if image is not None and layer.input_shape in (None, (math.prod(image),)):
                images[layer.path] = image
            image = None
        elif layer.children or layer.input_shape != layer.output_shape:
            image = None
    return images


def _read_entries(values: list[Any], depth: int) -> Iterator[LayerEntry]:
    for value in values:
        if isinstance(value, dict) and isinstance(value.get("type"), str) and depth <= _MAX_DEPTH:
            inner = [item for field in value.values() for item in (field if isinstance(field, list) else [field])]
            yield LayerEntry(
                str(value.get("path", "")),
                value["type"],
                value,
                shape_of(value.get("input_shape")),
                shape_of(value.get("output_shape")),
                tuple(_read_entries(inner, depth + 1)),
            )
