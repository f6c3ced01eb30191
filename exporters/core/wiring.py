"""What each layer of an architecture takes its input from: the chain of a sequence, the edges of a Graph."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

from cnnkit.errors import ExportError
from cnnkit.exporters.core.architecture import LayerFields, is_graph, shapes_of
from cnnkit.files.names import describe_value, format_count, printable

INPUT = "input"
T = TypeVar("T")


class WiredValue(NamedTuple):
    """One array: an output of a layer, or an input of the network, which has output 0 alone."""

    name: str
    output: int = 0


@dataclass(frozen=True)
class WiredLayer:
    """A layer and where its input comes from.

    name    of the node of a Graph; of a layer of a sequence its number
    fields  the layer's JSON; of a node that shares, that of the other node with this one's path and shapes
    inputs  one source; several for a join
    shares  the path whose weights it uses again, None for weights of its own
    """

    name: str
    fields: LayerFields
    inputs: tuple[WiredValue, ...]
    shares: str | None = None


@dataclass(frozen=True)
class Wiring:
    """The layers of a sequence or a Graph, each after those that it takes its input from."""

    layers: tuple[WiredLayer, ...]
    inputs: tuple[str, ...]
    outputs: tuple[WiredValue, ...]
    output_names: tuple[str, ...] = ()  # as the file has them


def wire(description: Mapping[str, Any]) -> Wiring:
    """Return the wiring of an architecture or of the JSON of a Sequential or Graph, of valid layers.

    Raises ExportError for a name that no earlier layer has or that two have.
    """
    layers = description["layers"]
    if not is_graph(description):
        return _wire_sequence(layers)
    prefix = f"{description['path']}." if description.get("path") else ""
    inputs = _read_names(description.get("input_names", [INPUT]), "input_names")
    known, wired = set(inputs), list[WiredLayer]()
    owners = {layer.get("name"): layer for layer in layers if "shares" not in layer}
    shapes = dict(zip(inputs, shapes_of(description.get("input_shape")), strict=False))
    for index, layer in enumerate(layers):
        name = layer.get("name", str(index))
        if not isinstance(name, str) or name in known:
            raise ExportError(f"architecture: {_at(name)}: expected a name that no other layer and no input has")
        before = wired[-1].name if wired else inputs[0]
        taken = layer.get("inputs", [before])
        names = _read_names(taken, f"{_at(name)}.inputs")
        sources = tuple(_find_source(word, known, _at(name)) for word in names)
        fields, shares = _complete(layer, name, prefix, owners, [_shape_from(shapes, s) for s in sources])
        known.add(name)
        _note_shapes(shapes, name, fields)
        wired.append(WiredLayer(name, fields, sources, shares))
    last = [wired[-1].name if wired else inputs[0]]
    names = _read_names(description.get("output_names") or last, "output_names")
    return Wiring(tuple(wired), inputs, tuple(_find_source(name, known, "output_names") for name in names), names)


def number_names(name: str, count: int) -> tuple[str, ...]:
    """Return the name, of several arrays each with its number: ("input_0", "input_1")."""
    return (name,) if count == 1 else tuple(f"{name}_{index}" for index in range(count))


def _wire_sequence(layers: Iterable[LayerFields]) -> Wiring:
    wired, before = list[WiredLayer](), INPUT
    for index, layer in enumerate(layers):
        wired.append(WiredLayer(str(index), layer, (WiredValue(before),)))
        before = str(index)
    return Wiring(tuple(wired), (INPUT,), (WiredValue(before),))


def _complete(
    layer: LayerFields, name: str, prefix: str, owners: Mapping[Any, LayerFields], x_shapes: list[Any]
) -> tuple[LayerFields, str | None]:
    """Return a node's fields, those of the node that it shares with under its own path, and the path of that node."""
    shared = layer.get("shares")
    path = layer.get("path") or prefix + name
    if shared is None:
        return {**layer, "path": path}, None
    owner = owners.get(shared)
    if owner is None:
        raise ExportError(f"architecture: {_at(name)}.shares: no layer {describe_value(shared)} has weights")
    whole = owner.get("path") or prefix + str(shared)
    own = {"path": path, **{key: layer[key] for key in ("input_shape", "output_shape") if key in layer}}
    if "input_shape" not in own and None not in x_shapes:
        own["input_shape"] = x_shapes[0] if len(x_shapes) == 1 else x_shapes
    if "output_shape" not in own and own.get("input_shape") != owner.get("input_shape"):
        raise ExportError(f"architecture: {_at(name)}: its output_shape is missing, and its input is not {shared}'s")
    return _move(owner, whole, path) | own, whole


def _move(layer: LayerFields, old: str, new: str) -> dict[str, Any]:
    """Return a layer's JSON with all paths below `old` below `new`."""
    moved = dict(layer)
    for key, value in layer.items():
        if key in ("body", "shortcut") and isinstance(value, dict):
            moved[key] = _move(value, old, new)
        elif key in ("layers", "branches") and isinstance(value, list):
            moved[key] = [_move(item, old, new) for item in value]
    if isinstance(layer.get("path"), str):
        moved["path"] = new + layer["path"].removeprefix(old)
    return moved


def _find_source(word: str, known: set[str], where: str) -> WiredValue:
    name, colon, number = word.rpartition(":")
    if word in known:
        return WiredValue(word)
    if not (colon and number.isascii() and number.isdecimal() and len(number) < 10 and name in known):
        raise ExportError(f"architecture: {where}: no layer before it and no input is named {describe_value(word)}")
    return WiredValue(name, int(number))


def _shape_from(shapes: Mapping[Any, Any], source: WiredValue) -> list[int] | None:
    shape = shapes.get(source if source.output else source.name)
    return None if shape is None else list(shape)


def _note_shapes(shapes: dict[Any, Any], name: str, fields: LayerFields) -> None:
    for index, shape in enumerate(shapes_of(fields.get("output_shape"))):
        shapes[WiredValue(name, index) if index else name] = shape


def _read_names(value: Any, where: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not value or not all(isinstance(name, str) for name in value):
        raise ExportError(f"architecture: {where}: expected a list of names, got {describe_value(value)}")
    return tuple(value)


def _at(name: Any) -> str:
    return f"layer {printable(str(name), 60)}"


def follow(
    wiring: Wiring, values: tuple[T, ...], write: Callable[[WiredLayer, tuple[T, ...]], tuple[T, ...]]
) -> tuple[T, ...]:
    """Call write(layer, what was written for its inputs) for each layer in order; return what is for the outputs.

    values: what is written for the inputs. A sequence hands on all that a layer gives.

    Raises ExportError where a Graph has another number of inputs, or a layer not as many outputs as are taken of it.
    """
    if not wiring.output_names:
        for layer in wiring.layers:
            values = write(layer, values)
        return values
    if len(values) != len(wiring.inputs):
        raise ExportError(f"a Graph of the architecture expects {len(wiring.inputs)} inputs, got {len(values)}")
    results: dict[str, tuple[T, ...]] = dict(zip(wiring.inputs, zip(values, strict=True), strict=True))
    for layer in wiring.layers:
        results[layer.name] = write(layer, tuple(_take_output(results, source) for source in layer.inputs))
    return tuple(_take_output(results, source) for source in wiring.outputs)


def _take_output(results: Mapping[str, tuple[T, ...]], source: WiredValue) -> T:
    if source.output >= len(results[source.name]):
        has = format_count(len(results[source.name]), "output")
        raise ExportError(f"layer {printable(source.name)} has {has}: there is no output {source.output}")
    return results[source.name][source.output]
