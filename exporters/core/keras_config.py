"""The configuration that Keras stores beside weights, as data: classes, names, nesting. Nothing is evaluated."""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from cnnkit.exporters.core import strict_json
from cnnkit.exporters.core.weight_file import NotRead
from cnnkit.files.names import printable

_MAX_DEPTH = 32


class LayerConfig(NamedTuple):
    """One layer: its class in snake case, its name, its fields, and its path in a Keras 3 weights file.

    path  the names of the layers around it, and its own
    """

    kind: str
    name: str
    fields: dict[str, Any]
    place: str
    path: tuple[str, ...]


def parse_config(text: Any, what: str, not_read: list[NotRead]) -> Any:
    """Return the JSON value of an attribute or member; None when it is missing or, with a note, not strict JSON."""
    if not isinstance(text, str | bytes):
        return None
    try:
        data = text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")
        value = strict_json.loads(data)
    except ValueError as error:
        not_read.append(NotRead(what, 1, printable(str(error)), weights=False))
        return None
    not_read += list_lambdas(value)
    return value


def iterate_layers(
    config: Any, prefix: str = "layers", outer: tuple[str, ...] = (), depth: int = 0
) -> Iterator[LayerConfig]:
    """Yield the layers of a model in order, a nested model and a wrapper before the layers inside it."""
    fields = config.get("config") if isinstance(config, dict) else None
    entries = fields.get("layers") if isinstance(fields, dict) else fields  # Keras 2.2.0: the list itself
    if not isinstance(entries, list) or depth > _MAX_DEPTH:
        return
    used: dict[str, int] = {}
    for entry in entries:
        if not isinstance(entry, dict) or not isinstance(entry.get("class_name"), str):
            continue
        kind = to_snake_case(entry["class_name"])
        count = used[kind] = used.get(kind, -1) + 1
        layer = _describe_layer(entry, f"{prefix}/{kind}" if count == 0 else f"{prefix}/{kind}_{count}", outer)
        yield layer
        yield from _iterate_wrapped(layer)
        yield from iterate_layers(entry, f"{layer.place}/layers", layer.path, depth + 1)


def _iterate_wrapped(layer: LayerConfig) -> Iterator[LayerConfig]:
    """Yield the layers inside a wrapper such as Bidirectional or TimeDistributed."""
    for field in ("layer", "backward_layer"):
        entry = layer.fields.get(field)
        if isinstance(entry, dict) and isinstance(entry.get("class_name"), str):
            part = "forward_layer" if field == "layer" and layer.kind == "bidirectional" else field
            yield _describe_layer(entry, f"{layer.place}/{part}", layer.path)


def _describe_layer(entry: dict[str, Any], place: str, outer: tuple[str, ...]) -> LayerConfig:
    inner = entry.get("config")
    fields = inner if isinstance(inner, dict) else {}
    name = fields.get("name", entry.get("name"))
    name = name if isinstance(name, str) else ""
    return LayerConfig(to_snake_case(entry["class_name"]), name, fields, place, (*outer, name))


def to_snake_case(name: str) -> str:
    """BatchNormalization -> batch_normalization, Conv2D -> conv2d, as Keras does it."""
    name = re.sub(r"\W+", "", name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()


def list_lambdas(config: Any) -> list[NotRead]:
    """Return a note for every Lambda layer: its code is kept as text."""
    skipped, waiting = [], [config]
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            waiting += value
        elif isinstance(value, dict):
            waiting += value.values()
            if value.get("class_name") == "Lambda":
                fields = value.get("config")
                name = fields.get("name") if isinstance(fields, dict) else None
                what = f"code of Lambda layer {printable(str(name))}"
                skipped.append(NotRead(what, 1, "kept as text, never run", weights=False))
    return skipped
