"""The architecture JSON of a weight file as layers in order; what a foreign file leaves out or breaks is skipped."""

import contextlib
import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cnnkit.errors import ExportError
from cnnkit.files.names import describe_value, printable

Shape = tuple[int, ...]
LayerFields = Mapping[str, Any]
_MAX_DEPTH = 32
_MOST_SHAPES = 1 << 16  # inputs or outputs of one layer


@dataclass(frozen=True, slots=True)
class LayerEntry:
    """One layer of the JSON.

    path      dotted, as in the names of its tensors: "3.body.0"; "" where the file has none
    fields    the layer's JSON object; of a node that shares, that of the node whose weights it uses
    shapes    of one sample; None where the file has none, and where the layer has several inputs or outputs
    children  the layers inside a combinator, in the order of its fields
    name      of a node of a Graph, else ""
    inputs    the names that a node of a Graph takes, as the file writes them
    shares    the name of the node whose weights it uses again, "" for weights of its own
    output_shapes  of all outputs; () where the file has none
    """

    path: str
    type: str
    fields: LayerFields
    input_shape: Shape | None
    output_shape: Shape | None
    children: tuple["LayerEntry", ...]
    name: str = ""
    inputs: tuple[str, ...] = ()
    shares: str = ""
    output_shapes: tuple[Shape, ...] = ()


def outer_layers(architecture: Mapping[str, Any] | None) -> tuple[LayerEntry, ...]:
    """Return the layers of the outermost sequence or Graph."""
    layers = (architecture or {}).get("layers")
    return tuple(_read_entries(layers, 0, "")) if isinstance(layers, list) else ()


def all_layers(layers: Iterable[LayerEntry]) -> Iterator[LayerEntry]:
    """Yield every layer, a combinator before the layers inside it."""
    for layer in layers:
        yield layer
        yield from all_layers(layer.children)


def input_shape(architecture: Mapping[str, Any] | None) -> Shape | None:
    """Return the shape of one sample, None for several inputs."""
    return shape_of((architecture or {}).get("input_shape"))


def shape_of(value: Any) -> Shape | None:
    """Return a JSON list of up to 7 positive numbers below 2^31 as a shape; None for anything else."""
    valid = isinstance(value, list) and len(value) < 8 and all(type(n) is int and 0 < n < 1 << 31 for n in value)
    return tuple(value) if valid else None


def shapes_of(value: Any) -> tuple[Shape, ...]:
    """Return one shape or a JSON list of shapes, as of a layer with several inputs; () for anything else."""
    one = shape_of(value)
    if one is not None or not isinstance(value, list) or len(value) > _MOST_SHAPES:
        return () if one is None else (one,)
    several = [shape_of(item) for item in value]
    shapes = tuple(shape for shape in several if shape is not None)
    return shapes if len(shapes) == len(several) else ()


def is_graph(description: Mapping[str, Any] | None) -> bool:
    """Say whether an architecture, or a layer's JSON, lists named nodes rather than a sequence."""
    return description is not None and ("input_names" in description or description.get("type") == "Graph")


def require_layers(architecture: Mapping[str, Any]) -> list[LayerFields]:
    """Return the layers of the outermost sequence or Graph, for a format that computes with them.

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
    shares = isinstance(layer, dict) and isinstance(layer.get("shares"), str)
    if not isinstance(layer, dict) or not (shares or isinstance(layer.get("type"), str)):
        raise ExportError(f"architecture: {where}: expected a layer with a type, got {describe_value(layer)}")
    if depth > _MAX_DEPTH:
        raise ExportError(f"architecture: {where}: layers nested more than {_MAX_DEPTH} deep")
    if not isinstance(layer.get("path", ""), str):
        raise ExportError(f"architecture: {where}.path: expected a text, got {describe_value(layer['path'])}")
    for name in ("input_shape", "output_shape"):
        if name in layer and shape_of(layer[name]) is None and not shapes_of(layer[name]):
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
        where = f"layer {printable(str(layer.get('path')))} ({printable(str(layer.get('type')))})"
        raise ExportError(f"{where}: its description lacks something: {problem}") from error


def _read_entries(values: list[Any], depth: int, prefix: str) -> Iterator[LayerEntry]:
    owners = _find_owners(values)
    for value in values:
        if not isinstance(value, dict) or depth > _MAX_DEPTH:
            continue
        name, shares = _text(value.get("name")), _text(value.get("shares"))
        fields = owners.get(shares, value) if shares and "type" not in value else value
        if not isinstance(fields.get("type"), str):
            continue
        path = _text(value.get("path")) or (prefix + name if shares else "")
        inner = [] if shares else [i for f in value.values() for i in (f if isinstance(f, list) else [f])]
        inputs = value.get("inputs")
        yield LayerEntry(
            path,
            fields["type"],
            fields,
            shape_of(value.get("input_shape")),
            shape_of(value.get("output_shape")),
            tuple(_read_entries(inner, depth + 1, f"{path}.")),
            name,
            tuple(map(str, inputs)) if isinstance(inputs, list) else (),
            shares,
            shapes_of(value.get("output_shape")),
        )


def _find_owners(values: list[Any]) -> dict[str, LayerFields]:
    """Return {name: node} of the nodes with weights of their own."""
    named = (value for value in values if isinstance(value, dict) and isinstance(value.get("name"), str))
    return {value["name"]: value for value in named if "shares" not in value}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
