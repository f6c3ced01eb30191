"""Values as JSON that any program reads and no terminal interprets."""

import json
import math
import re
from typing import Any

from cnnkit.files.names import escape_hidden, to_text

_MANY = 200  # items; of fewer each number has a line of its own
_FOREIGN = re.compile(r"[^\x20-\x7e\n]+")


def dump_json(value: Any, ascii_only: bool = False) -> str:
    r"""Return a value as strict JSON; what a terminal may interpret or hide is written as \uNNNN.

    ascii_only: so is everything that is not ASCII.

    NaN and infinities become null; bytes of file names that are not UTF-8 become the text \xNN ("\\xff").
    """
    return escape_json(_dump(_make_strict(value), ascii_only))


def escape_json(text: str) -> str:
    r"""Return a JSON text of the same value; what a terminal may interpret or hide stands in it as \uNNNN."""
    if text.isascii() and "\x7f" not in text:
        return text
    return _FOREIGN.sub(lambda match: _escape_run(match[0]), text)


def _dump(value: Any, ascii_only: bool) -> str:
    """Return JSON; of an object's long lists and objects each item takes one line, which is written much faster."""
    if not isinstance(value, dict) or max(map(_count, value.values()), default=0) <= _MANY:
        return json.dumps(value, indent=1, ensure_ascii=ascii_only, allow_nan=False)
    write = json.JSONEncoder(ensure_ascii=ascii_only, allow_nan=False).encode
    members = []
    for key, item in value.items():
        if _count(item) <= _MANY:
            text = json.dumps(item, indent=1, ensure_ascii=ascii_only, allow_nan=False).replace("\n", "\n ")
        elif isinstance(item, dict):
            text = "{" + ",".join(f"\n  {write(word)}: {write(part)}" for word, part in item.items()) + "\n }"
        else:
            text = "[" + ",".join(f"\n  {write(part)}" for part in item) + "\n ]"
        members.append(f"\n {write(key)}: {text}")
    return "{" + ",".join(members) + "\n}"


def _count(value: Any) -> int:
    return len(value) if isinstance(value, dict | list) else 0


def _escape_run(text: str) -> str:
    """Return characters of a JSON string as they are, or each as JSON escapes it where one of them is hidden."""
    return text if escape_hidden(text) == text else "".join(map(_escape, text))


def _escape(character: str) -> str:
    code = ord(character)
    if code < 0x10000:
        return f"\\u{code:04x}"
    return f"\\u{0xD7C0 + (code >> 10):04x}\\u{0xDC00 + (code & 0x3FF):04x}"


def _make_strict(value: Any) -> Any:
    if isinstance(value, str):
        return value if value.isascii() else to_text(value)
    if isinstance(value, dict):
        return {to_text(str(key)): _make_strict(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_make_strict(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
