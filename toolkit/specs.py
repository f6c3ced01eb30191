"""`NAME:key=value,...`: how commands and files describe losses, optimizers, schedules and initializers."""

import dataclasses
import difflib
import math
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from cnnkit.errors import CnnkitError, ConfigError, first_line
from cnnkit.files.names import describe_value

T = TypeVar("T")
_RATE = ": the rate is an option of its own, --learning-rate on the command line, learning_rate elsewhere"


class UnknownNameError(ConfigError):
    """A text whose NAME is not among the choices."""


def parse(kind: str, text: str, choices: Mapping[str, type[T]]) -> T:
    """Return the value that `text` describes: `sgd:momentum=0.9` -> choices["sgd"](momentum=0.9).

    kind: what is being chosen ("optimizer"), for messages.

    Raises ConfigError on an unknown name or key, a key given twice, a key without default left out, and on a value
    that does not fit the field's type.
    """
    name, _, arguments = text.strip().partition(":")
    if name not in choices:
        raise UnknownNameError(f"{kind}: expected one of {', '.join(choices)}, got {describe_value(name)}")
    cls = choices[name]
    fields = _fields(cls)
    values: dict[str, Any] = {}
    for part in filter(None, arguments.split(",")):
        key, equals, value = part.partition("=")
        key = key.strip()
        if not equals or key not in fields:
            known = ", ".join(fields) or "no options"
            near = difflib.get_close_matches(key, fields, 1)
            hint = _RATE if key in ("lr", "learning_rate") else f" (did you mean {near[0]}=...?)" if near else ""
            raise ConfigError(f"{kind} {name}: expected key=value with {known}, got {describe_value(part)}{hint}")
        if key in values:
            raise ConfigError(f"{kind} {name}: expected {key} once, got {describe_value(part)} besides")
        values[key] = _convert(f"{kind} {name}: {key}", value.strip(), fields[key].type)
    for key, field in fields.items():
        if key not in values and field.default is field.default_factory is dataclasses.MISSING:
            raise ConfigError(f"{kind} {name}: expected a value for {key}: type {name}:{key}=...")
    try:
        return cls(**values)
    except CnnkitError:
        raise
    except Exception as error:
        raise ConfigError(f"{kind} {name}: {type(error).__name__}: {first_line(error)}") from error


def plain_text(value: Any) -> str:
    """Return a field's value as `parse` reads it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def render(name: str, value: Any, text_of: Callable[[Any], str] = plain_text) -> str:
    """Return `name:key=value,...`; fields at their default are left out."""
    changed = [(key, getattr(value, key)) for key, field in _fields(type(value)).items()
               if getattr(value, key) != field.default]  # fmt: skip
    return name + (":" + ",".join(f"{key}={text_of(setting)}" for key, setting in changed) if changed else "")


def _fields(cls: type[Any]) -> dict[str, dataclasses.Field[Any]]:
    return {f.name: f for f in dataclasses.fields(cls) if f.init} if dataclasses.is_dataclass(cls) else {}


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
        raise ConfigError(f"{where}: expected {wanted}, got {describe_value(text)}") from None
    return text
