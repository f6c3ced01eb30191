"""The grammar of "cnnkit-text": how each line begins, and how names are quoted."""

import json
import re

from cnnkit.exporters.core import strict_json

FORMAT, VERSION = "cnnkit-text", 2
READABLE = (1, 2)  # version 1 has the @ lines before the tensors

NUMBER_STARTS = b"0123456789+-."

_BARE = r"[A-Za-z0-9_][A-Za-z0-9_./:+-]*"
_NAME = rf'(?:{_BARE}|"(?:[^"\\]|\\.)*")'
_LIST = rf"\((?:{_NAME}(?:, {_NAME})*)?\)"
_IS_BARE = re.compile(_BARE)
_ANY_NAME = re.compile(_NAME)
TENSOR = re.compile(rf"tensor ({_NAME}) ([a-z]+[0-9]*) \(((?:[0-9]{{1,19}}(?:, [0-9]{{1,19}})*)?)\)")
LAYER = re.compile(rf"layer ({_NAME})")
ROLE = re.compile(r"role ([a-z_]+)")
AXES = re.compile(rf"axes ({_LIST})")
SHA256 = re.compile(r"sha256 ([0-9a-f]{64})")
LABEL = re.compile(rf"\[{_NAME} [0-9]+(?:, {_NAME} [0-9]+)*(?:, {_NAME})*\]")
END = re.compile(r"end ([0-9]{1,19}) numbers")
TRAILER = re.compile(r"end of file, ([0-9]{1,19}) tensors, ([0-9]{1,19}) numbers")
PRECISION = re.compile(r"precision ([0-9]{1,3})")


def quote(name: str) -> str:
    r"""Return a name as it is written: bare, or as a JSON string in ASCII (`"größe"` -> `"gr\u00f6\u00dfe"`)."""
    if _IS_BARE.fullmatch(name):
        return name
    return json.dumps(name).replace("\x7f", "\\u007f")


def unquote(text: str) -> str:
    """Return the name that `quoted` wrote. Raises ValueError for a string that is not JSON."""
    return str(strict_json.loads(text.encode(), lone=True)) if text.startswith('"') else text


def parse_names(text: str) -> tuple[str, ...]:
    """Return the names of a list in parentheses, or the one that the text is.

    Raises ValueError for a string that is not JSON.
    """
    names, place = list[str](), int(text.startswith("("))
    while name := _ANY_NAME.match(text, place):
        names.append(unquote(name[0]))
        place = name.end() + len(", ")
    return tuple(names)
