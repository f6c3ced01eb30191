"""One schema for layers in Python, in a weight file's architecture (JSON) and in model files (TOML).

A layer is {"type": "Conv2D", "features": 8, "window": 3}: its class name and its dataclass fields;
layers inside it nest.
"""

import dataclasses
import difflib
from collections.abc import Mapping, Sequence
from typing import Any

from cnnkit import initializers
from cnnkit.errors import ConfigError, first_line
from cnnkit.files.names import describe_value
from cnnkit.initializers import Initializer
from cnnkit.layers.activations import ACTIVATIONS
from cnnkit.layers.base import Layer
from cnnkit.layers.branches import Branches
from cnnkit.layers.dense import Dense
from cnnkit.layers.dropout import Dropout, SpatialDropout
from cnnkit.layers.fields import is_described
from cnnkit.layers.graph import Graph, Node
from cnnkit.layers.joining import JOINING
from cnnkit.layers.normalisation import NORMALISATION
from cnnkit.layers.residual import Residual
from cnnkit.layers.sequential import Sequential
from cnnkit.layers.shaping import SHAPING
from cnnkit.layers.windows import WINDOWS

_SHOWN = 8  # names of layers in a message
MOST_NESTED = 32  # layers inside each other in a file
LAYERS: Mapping[str, type[Layer]] = {
    layer.__name__: layer
    for layer in (
        *WINDOWS, Dense, *SHAPING, Dropout, SpatialDropout, *NORMALISATION, *ACTIVATIONS, *JOINING,
        Sequential, Residual, Branches, Graph,
    )
}  # fmt: skip


def require_classes(own: Any) -> None:
    """Raise ConfigError unless `own` is a list of classes of layers that are dataclasses."""
    if not isinstance(own, list | tuple):
        raise ConfigError(f"layers: expected a list of classes such as [MyLayer], got {own!r}")
    for cls in own:
        if not (isinstance(cls, type) and issubclass(cls, Layer) and dataclasses.is_dataclass(cls)):
            raise ConfigError(f"layers: expected classes of layers that are frozen dataclasses, got {cls!r}")


def to_config(layer: Layer) -> dict[str, Any]:
    """Return the layer as JSON-ready data; fields at None are left out, and newer ones at their defaults.

    The nodes of a Graph are its "layers".
    """
    if isinstance(layer, Graph):
        names = {"input_names": list(layer.input_names), "output_names": list(layer.output_names)}
        return {"type": layer.type, "layers": list(map(node_to_config, layer.nodes)), **names}
    fields = [(f, getattr(layer, f.name)) for f in dataclasses.fields(layer)]  # type: ignore[arg-type]
    return {"type": layer.type} | {f.name: _plain(value) for f, value in fields if is_described(f, value)}


def node_to_config(node: Node) -> dict[str, Any]:
    """Return a node of a Graph as JSON-ready data: its layer's, with `name` and `inputs`, or what it `shares`."""
    place = {"name": node.name, "inputs": list(node.inputs)}
    return place | (to_config(node.layer) if node.layer is not None else {"shares": node.shares})


def _plain(value: Any) -> Any:
    if isinstance(value, Layer):
        return to_config(value)
    if isinstance(value, Initializer):
        return initializers.render(value)
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


def from_config(config: Any, own: Sequence[type[Layer]] = (), where: str = "layer", depth: int = 0) -> Layer:
    """Return the layer that `config` describes, as `to_config` writes it; fields left out take their defaults.

    own: classes of layers besides cnnkit's, found by their names. where: for messages. depth: of the layers around it.

    Raises ConfigError that names the place, what was expected and the nearest known name.
    """
    if depth > MOST_NESTED:
        raise ConfigError(f"layers: nested too deeply: expected at most {MOST_NESTED} inside each other")
    if not isinstance(config, Mapping):
        raise ConfigError(f"{where}: expected a table with a type, got {describe_value(config)}")
    known = dict(LAYERS) | {cls.__name__: cls for cls in own}
    name = config.get("type")
    if not isinstance(name, str) or name not in known:
        own_hint = "; Model.load(..., layers=[ItsClass]) finds a layer of your own" if isinstance(name, str) else ""
        raise ConfigError(
            f"{where}: expected type to be one of {_list_some(known)}, got {describe_value(name)}"
            f"{_nearest(name, known) or own_hint}"
        )
    cls = known[name]
    if cls is Graph:
        return _graph_from_config(config, own, where, depth)
    fields = {f.name: f for f in dataclasses.fields(cls)}  # type: ignore[arg-type]
    values = {}
    for key, value in config.items():
        if key == "type":
            continue
        if key not in fields:
            choices = ", ".join(fields) or "none"
            raise ConfigError(
                f"{where} ({name}): expected fields of {choices}; got {describe_value(key)}{_nearest(key, fields)}"
            )
        values[key] = _value(value, own, f"{where}.{key}", depth)
    missing = [
        key for key, f in fields.items() if key not in values and f.default is f.default_factory is dataclasses.MISSING
    ]
    if missing:
        raise ConfigError(f"{where} ({name}): expected a value for {' and '.join(missing)}, got none")
    try:
        return cls(**values)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from None
    except TypeError as error:
        raise ConfigError(f"{where} ({name}): a field has a value of the wrong kind: {first_line(error)}") from None


def _graph_from_config(config: Mapping[str, Any], own: Sequence[type[Layer]], where: str, depth: int) -> Graph:
    known = ("type", "layers", "input_names", "output_names")
    for key in config:
        if key not in known:
            choices = ", ".join(known[1:])
            raise ConfigError(f"{where} (Graph): expected fields of {choices}; got {describe_value(key)}")
    names = {key: config[key] for key in known[2:] if key in config}
    return graph_from_tables(config.get("layers"), own, where + ".layers", names, depth)


def graph_from_tables(
    tables: Any, own: Sequence[type[Layer]], where: str, names: Mapping[str, Any], depth: int = 0
) -> Graph:
    """Return the Graph of a list of tables, each a layer with `name` and `inputs`, or what it `shares`.

    A table without a name is called by its number, and one without inputs takes what the table before it gives.
    names: `input_names` and `output_names`, where they are given.

    Raises ConfigError that names the place.
    """
    if not isinstance(tables, list | tuple) or not tables:
        raise ConfigError(f"{where}: expected a list of layers with name and inputs, got {describe_value(tables)}")
    entries = names.get("input_names", ("input",))
    before: Any = entries[0] if isinstance(entries, list | tuple) and entries else "input"
    nodes = []
    for i, table in enumerate(tables):
        place = f"{where}[{i}]"
        if not isinstance(table, Mapping):
            raise ConfigError(f"{place}: expected a table with a type, got {describe_value(table)}")
        layer = {key: value for key, value in table.items() if key not in ("name", "inputs", "shares")}
        name, inputs, shares = table.get("name", str(i)), table.get("inputs", [before]), table.get("shares")
        if shares is not None and layer:
            raise ConfigError(f"{place}: expected shares or a layer of its own, got both: leave one out")
        try:
            nodes.append(
                Node(name, from_config(layer, own, place, depth + 1) if shares is None else None, inputs, shares)
            )
        except ConfigError as error:
            raise ConfigError(str(error) if str(error).startswith(place) else f"{place}: {error}") from None
        before = name
    try:
        return Graph(tuple(nodes), **names)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from None


def _value(value: Any, own: Sequence[type[Layer]], where: str, depth: int) -> Any:
    if isinstance(value, Mapping):
        return from_config(value, own, where, depth + 1)
    if isinstance(value, list | tuple):
        return tuple(_value(item, own, f"{where}[{i}]", depth) for i, item in enumerate(value))
    return value


def _list_some(known: Mapping[str, Any]) -> str:
    """Return a few of the names: all of them do not fit into a line."""
    return f"{', '.join([*known][:_SHOWN])} and {len(known) - _SHOWN} others (docs/networks.md lists them)"


def _nearest(name: object, known: Mapping[str, Any]) -> str:
    near = difflib.get_close_matches(str(name)[:100], known, 1, 0.5)
    return f" (did you mean {near[0]}?)" if near else ""
