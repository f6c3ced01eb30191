"""`NAME:key=value,...`: how losses, optimizers, schedules and initializers are spelt on a command line and in files."""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any, TypeVar

from cnnkit.errors import ConfigError

T = TypeVar("T")


def parse(kind: str, text: str, choices: Mapping[str, type[T]]) -> T:
    """Return the value that `text` describes: `sgd:momentum=0.9` -> choices["sgd"](momentum=0.9).

    kind: what is being chosen ("optimizer"), for messages.

    Raises ConfigError on an unknown name or key, a key given twice or left out that has no default, and on a value
    that does not fit the field's type.
    """
    name, _, arguments = text.strip().partition(":")
    if name not in choices:
        raise ConfigError(f"{kind}: expected one of {', '.join(choices)}, got {name!r}")
    cls = choices[name]
    fields: dict[str, dataclasses.Field[Any]] = {f.name: f for f in dataclasses.fields(cls)}  # type: ignore[arg-type]
    values: dict[str, Any] = {}
    for part in filter(None, arguments.split(",")):
        key, equals, value = part.partition("=")
        key = key.strip()
        if not equals or key not in fields:
            known = ", ".join(fields) or "no options"
            raise ConfigError(f"{kind} {name}: expected key=value with {known}, got {part!r}")
        if key in values:
            raise ConfigError(f"{kind} {name}: expected {key} once, got {part!r} besides")
        values[key] = _convert(f"{kind} {name}: {key}", value.strip(), fields[key].type)
    for key, field in fields.items():
        if key not in values and field.default is field.default_factory is dataclasses.MISSING:
            raise ConfigError(f"{kind} {name}: expected a value for {key}: type {name}:{key}=...")
    return cls(**values)


def render(value: Any, choices: Mapping[str, type[Any]]) -> str:
    """Return the text that `parse` reads back to `value`; fields at their default are left out.

    Raises ConfigError for a value of a class of the caller's own, which no text names.
    """
    name = next((name for name, cls in choices.items() if type(value) is cls), None)
    if name is None:
        raise ConfigError(
            f"{type(value).__name__}: a file can name {', '.join(choices)} alone: put one of these in its place to save"
        )
    parts = [
        f"{f.name}={str(v).lower() if isinstance(v := getattr(value, f.name), bool) else v}"
        for f in dataclasses.fields(value)
        if getattr(value, f.name) != f.default
    ]
    return name + (":" + ",".join(parts) if parts else "")


def _convert(where: str, text: str, annotation: Any) -> Any:
    wanted = annotation if isinstance(annotation, str) else getattr(annotation, "__name__", str(annotation))
    if "None" in wanted and text == "None":  # as `render` writes it
        return None
    try:
        if wanted.startswith("bool"):
            return {"true": True, "false": False}[text.lower()]
        if wanted.startswith("int"):
            return int(text)
        if wanted.startswith("float"):
            number = float(text)
            if math.isnan(number):
                raise ValueError
            return number
    except (KeyError, ValueError):
        raise ConfigError(f"{where}: expected {wanted}, got {text!r}") from None
    return text
