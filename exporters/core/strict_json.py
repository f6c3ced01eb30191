"""JSON of strangers: nothing that the standard does not have, no key twice, no depth or length without end."""

import json
import math
from collections.abc import Callable
from typing import Any

from cnnkit.files.names import printable


def loads(data: bytes, number: Callable[[str], Any] | None = None) -> Any:
    """Return the value of a UTF-8 JSON text; `number` makes something else of the text of every number.

    Raises ValueError, in one line, for anything but strict JSON: also NaN, a key twice, a number beyond float64.
    """
    try:
        return json.loads(
            data.decode(),
            object_pairs_hook=_object,
            parse_constant=_no_constant,
            parse_float=number or _finite,
            parse_int=number,
        )
    except UnicodeDecodeError as error:
        raise ValueError(f"not UTF-8 at byte {error.start}") from error
    except json.JSONDecodeError as error:
        raise ValueError(f"no JSON at line {error.lineno}, column {error.colno}: {error.msg}") from error
    except RecursionError as error:
        raise ValueError("JSON nested too deep") from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"key {printable(name)} is there twice")
        found[name] = value
    return found


def _no_constant(text: str) -> Any:
    raise ValueError(f"{text} is no JSON")


def _finite(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError(f"number {printable(text, 30)} is too large")
    return value
