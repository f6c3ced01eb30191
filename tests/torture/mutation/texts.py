"""Changes to texts: JSON by its values, any text by its numbers, words and lines."""

import contextlib
import json
import random
import re
from copy import deepcopy
from typing import Any

from torture.mutation.raw_bytes import draw_edge

_TOKEN = re.compile(rb"[0-9]+|[A-Za-z_]+|[^0-9A-Za-z_]")
_VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1.5, -0.0, float("nan"), float("inf"), "", "\ud800", "a\x1b[31m", "\u202e", "x" * 300, [],
    {}, [[]], [0], [-1], [None], {"a": 1}, "float32", "F32", "bfloat16", "uint8", 1e308, 10**30,
)  # fmt: skip


def change_json(data: bytes, rng: random.Random) -> bytes:
    """Return a JSON text with 1 to 3 of its values changed; bytes that are no JSON, as a text."""
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return change_text(data, rng)
    for _ in range(rng.choice((1, 1, 2, 3))):
        document = _change_value(document, rng)
    text = json.dumps(document, ensure_ascii=rng.random() < 0.9, separators=rng.choice(((",", ":"), (", ", ": "))))
    with contextlib.suppress(UnicodeEncodeError):
        data = text.encode()
    return change_text(data, rng) if rng.random() < 0.1 else data


def change_text(data: bytes, rng: random.Random) -> bytes:
    """Return a text with 1 to 3 of its tokens or lines changed."""
    for _ in range(rng.choice((1, 1, 2, 3))):
        splits_lines = rng.random() < 0.3
        parts = data.splitlines(keepends=True) if splits_lines else _TOKEN.findall(data)
        if not parts:
            return data
        at, to = rng.randrange(len(parts)), rng.randrange(len(parts))
        match rng.randrange(5):
            case 0:
                del parts[at : at + rng.choice((1, 1, 3))]
            case 1:
                parts[at:at] = parts[to : to + 2]
            case 2:
                parts[at], parts[to] = parts[to], parts[at]
            case 3:
                parts[at] = parts[to]
            case _:
                number = parts[at].isdigit()
                parts[at] = str(draw_edge(rng, int(parts[at][:18] or 0)) if number else draw_edge(rng)).encode()
        data = b"".join(parts)
    return data


def _change_value(value: Any, rng: random.Random, depth: int = 0) -> Any:
    """Return a value with one of its parts, at any depth, changed; those near the root more often."""
    if not isinstance(value, dict | list) or not value or rng.random() < 0.1 * (depth > 0):
        return _replace(value, rng)
    keys: list[Any] = list(value) if isinstance(value, dict) else list(range(len(value)))
    key = rng.choice(keys)
    if rng.random() < 0.75:
        value[key] = _change_value(value[key], rng, depth + 1)
    elif isinstance(value, dict):
        _change_keys(value, key, rng)
    elif rng.random() < 0.5:
        del value[key]
    else:
        value.insert(key, deepcopy(value[rng.choice(keys)]))
    return value


def _change_keys(value: dict[str, Any], key: str, rng: random.Random) -> None:
    match rng.randrange(4):
        case 0:
            del value[key]
        case 1:
            value[rng.choice(("", "x", "name", "\x1b[31m", key + "2", key.upper()))] = deepcopy(value[key])
        case 2:
            value[rng.choice(list(value))] = deepcopy(value[key])
        case _:
            other = rng.choice(list(value))
            value[other], value[key] = value[key], value[other]


def _replace(value: Any, rng: random.Random) -> Any:
    if isinstance(value, int) and not isinstance(value, bool) and rng.random() < 0.7:
        return rng.choice((draw_edge(rng, value), -value, float(value), value + 1, value * 2, str(value)))
    if isinstance(value, str) and value and rng.random() < 0.4:
        at = rng.randrange(len(value))
        return rng.choice((value[:at], value[at:], value + value, value.upper(), value[:at] + "\0" + value[at:]))
    return deepcopy(rng.choice((*_VALUES, draw_edge(rng))))
