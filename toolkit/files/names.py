"""Makes untrusted text safe to show: every name from a file passes here before it is printed."""

import re
import unicodedata

# Control, format (bidi marks), surrogates, private, unassigned; separators of lines and paragraphs.
_HIDDEN = frozenset(("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"))


def printable(text: str, limit: int = 200) -> str:
    r"""Return the first `limit` characters of `text`; those that a terminal may interpret or hide, as \xNN, \uNNNN."""
    if len(text) <= limit and text.isprintable():  # which allows less than the rule below, and is quick
        return text
    shown = "".join(_escape(c) if unicodedata.category(c) in _HIDDEN else c for c in text[:limit])
    return shown if len(text) <= limit else shown + "..."


def describe_value(value: object, limit: int = 80) -> str:
    """Return a value as Python writes it, in printable characters, cut after `limit` of them."""
    try:
        return printable(repr(value), limit)
    except (ValueError, RecursionError):  # a number of 5000 digits, brackets without end
        return f"a {type(value).__name__} too long to show"


def format_count(number: int, noun: str) -> str:
    """Return "1 weight", "1,352 weights"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def last_part(path: str) -> str:
    """Return the last part of a path of any system: what a thing is called, without where it lay."""
    return next((part for part in reversed(re.split(r"[/\\]", path)) if part not in ("", ".", "..")), path)


def _escape(character: str) -> str:
    code = ord(character)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
