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
from cnnkit.layers.dropout import Dropout
from cnnkit.layers.normalisation import NORMALISATION
from cnnkit.layers.residual import Residual
from cnnkit.layers.sequential import Sequential
from cnnkit.layers.shaping import SHAPING
from cnnkit.layers.windows import WINDOWS

MOST_NESTED = 32  # layers inside each other in a file
LAYERS: Mapping[str, type[Layer]] = {
    layer.__name__: layer
    for layer in (
        *WINDOWS, Dense, *SHAPING, Dropout, *NORMALISATION, *ACTIVATIONS, Sequential, Residual, Branches,
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
    """Return the layer as JSON-ready data; fields at None are left out."""
    fields = {f.name: getattr(layer, f.name) for f in dataclasses.fields(layer)}  # type: ignore[arg-type]
    return {"type": layer.type} | {name: _plain(value) for name, value in fields.items() if value is not None}


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
            f"{where}: expected type to be one of {', '.join(known)}, got {describe_value(name)}"
            f"{_nearest(name, known) or own_hint}"
        )
    cls = known[name]
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


def _value(value: Any, own: Sequence[type[Layer]], where: str, depth: int) -> Any:
    if isinstance(value, Mapping):
        return from_config(value, own, where, depth + 1)
    if isinstance(value, list | tuple):
        return tuple(_value(item, own, f"{where}[{i}]", depth) for i, item in enumerate(value))
    return value


def _nearest(name: object, known: Mapping[str, Any]) -> str:
    near = difflib.get_close_matches(str(name)[:100], known, 1, 0.5)
    return f" (did you mean {near[0]}?)" if near else ""
