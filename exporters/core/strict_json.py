"""Strict JSON, read and written: nothing beyond the standard, no key twice, limited depth and numbers."""

import json
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cnnkit.errors import ExportError
from cnnkit.files.json_text import escape_json
from cnnkit.files.limits import require_few
from cnnkit.files.names import printable
from cnnkit.files.regular_file import open_regular
from cnnkit.files.unsafe_file import UnsafeFileError

_ESCAPED = re.compile(rb"\\u[dD][89a-fA-F]")
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|.)", re.DOTALL)
_LONE = "half a surrogate pair in a text, which is no character"
MOST_NODES = 1_200_000  # brackets and commas of a JSON text that holds no values of weights


def loads(
    data: bytes,
    number: Callable[[str], Any] | None = None,
    members: Callable[[list[tuple[str, Any]]], Any] | None = None,
    most_nodes: int | None = None,
    lone: bool = False,
) -> Any:
    """Return the value of a UTF-8 JSON text.

    number      makes something else of the text of every number
    members     makes something else of every object, whose keys it may see twice
    most_nodes  the most brackets and commas, which bound the memory
    lone        whether a text may hold half a surrogate pair, as cnnkit's own descriptions of odd names do

    Raises ValueError, in one line, for anything but strict JSON: also NaN, a key twice, a number beyond float64;
    UnsafeFileError for too many nodes.
    """
    nodes = 0 if most_nodes is None else sum(data.count(mark) for mark in (b"{", b"[", b","))
    if most_nodes is not None:
        require_few(nodes, most_nodes, "brackets and commas of JSON")
        require_few(data.count(b":"), most_nodes // 2, "keys of JSON")
    try:
        text = data.decode()
        if not lone and _ESCAPED.search(data):
            _require_pairs(text)
        return json.loads(
            text,
            object_pairs_hook=members or _build_object,
            parse_constant=_refuse_constant,
            parse_float=number or _parse_finite,
            parse_int=number,
        )
    except UnicodeDecodeError as error:
        raise ValueError(f"not UTF-8 at byte {error.start}") from error
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON at line {error.lineno}, column {error.colno}: {error.msg}") from error
    except RecursionError as error:
        raise ValueError("JSON nested too deep") from error


def read_file(
    path: Path, most_bytes: int, number: Callable[[str], Any] | None = None, most_nodes: int | None = None
) -> Any:
    """Return the value of a JSON file, perhaps with a byte order mark. Raises as `loads`, and for a file too large."""
    with open_regular(path) as stream:
        data = stream.read(most_bytes + 1)
    if len(data) > most_bytes:
        raise UnsafeFileError(f"{path.stat().st_size} bytes, more than {most_bytes} for JSON", "too_big")
    return loads(data.removeprefix(b"\xef\xbb\xbf"), number, most_nodes=most_nodes)


def dumps(
    name: str,
    value: Any,
    *,
    indent: int | None = None,
    sort_keys: bool = False,
    ensure_ascii: bool = False,
    lone: bool = True,
) -> str:
    """Return a value as JSON that UTF-8 can hold. Raises ExportError, about `name`, when it is not JSON.

    lone: half a surrogate pair in a text is escaped, not refused; `loads` wants to be told.
    """
    try:
        text = json.dumps(value, ensure_ascii=ensure_ascii, allow_nan=False, indent=indent, sort_keys=sort_keys)
        text = text if ensure_ascii else escape_json(text)
        if not lone:
            _require_pairs(text)
        text.encode()
    except UnicodeEncodeError:  # which JSON can escape
        return dumps(name, value, indent=indent, sort_keys=sort_keys, ensure_ascii=True, lone=lone)
    except (TypeError, ValueError, RecursionError) as error:
        raise ExportError(f"{name} is not JSON: {printable(str(error))}") from error
    return text


def _require_pairs(text: str) -> None:
    """Raise ValueError for half a surrogate pair alone: it is no character, and other parsers refuse it too."""
    after_half = None  # where the other half must begin
    for escape in _ESCAPE.finditer(text):
        code = int(escape[1], 16) if escape[1] else 0
        expected, second = after_half is not None, 0xDC00 <= code < 0xE000
        if second != expected or (expected and escape.start() != after_half):
            break
        after_half = escape.end() if 0xD800 <= code < 0xDC00 else None
    else:
        if after_half is None:
            return
    raise ValueError(_LONE)


def _build_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members: dict[str, Any] = {}
    for name, value in pairs:
        if name in members:
            raise ValueError(f"key {printable(name)} occurs twice")
        members[name] = value
    return members


def _refuse_constant(text: str) -> Any:
    raise ValueError(f"{text} is not JSON")


def _parse_finite(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError(f"number {printable(text, 30)} is too large")
    return value
