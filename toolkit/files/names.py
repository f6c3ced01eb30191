"""Makes untrusted text safe to show: every name from a file passes here before it is printed."""

import re
import unicodedata

# Control, format (bidi marks), surrogates, private, unassigned; separators of lines and paragraphs.
_HIDDEN = frozenset(("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"))
# Letters and marks that draw nothing: joiners, fillers, variation selectors.
_BLANK = frozenset(map(chr, (0x34F, 0x115F, 0x1160, 0x17B4, 0x17B5, *range(0x180B, 0x1810), 0x3164, 0xFFA0,
                             *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))))  # fmt: skip
_MARKS = frozenset(("Mn", "Me"))
_MOST_MARKS = 4  # on one letter; more of them overwrite the lines above and below
# What only a look at each character tells: letters that draw nothing, and runs in which marks may be piled up.
_DOUBTFUL = re.compile(f"[{''.join(sorted(_BLANK))}]|[^\0-\u02ff\u2100-\u2bff]{{{_MOST_MARKS + 1}}}")
_UNUSUAL = re.compile("[^\0-\u02ff\u2100-\u2bff]")  # found quickly, and none of the doubtful ones is without it
_SURROGATE = re.compile("[\ud800-\udfff]")
_BYTE = re.compile(r"\\x([89a-f][0-9a-f])")


def printable(text: str, limit: int = 200) -> str:
    r"""Return the first `limit` characters of `text`; those that a terminal may interpret or hide, as \xNN, \uNNNN."""
    return escape_hidden(text) if len(text) <= limit else escape_hidden(text[:limit]) + "..."


def escape_hidden(text: str, keep: str = "") -> str:
    r"""Return `text` with what a terminal may interpret or hide as \xNN, \uNNNN, except the characters in `keep`.

    Hidden are control characters, bidi and other format marks, surrogates, private and unassigned characters, letters
    that draw nothing, and marks beyond the fourth on one letter. What comes back comes back unchanged a second time.
    """
    plain = text
    for character in keep:
        plain = plain.replace(character, "")
    if plain.isprintable() and not (_UNUSUAL.search(plain) and _DOUBTFUL.search(plain)):  # nearly all, and quick
        return text
    shown, marks = [], 0
    for character in text:
        category = unicodedata.category(character)
        marks = marks + 1 if category in _MARKS else 0
        hidden = category in _HIDDEN or character in _BLANK or marks > _MOST_MARKS
        shown.append(_escape(character) if hidden and character not in keep else character)
    return "".join(shown)


def join_lines(text: str) -> str:
    """Return `text` in one line: its lines without the blanks around them, one space between."""
    lines = text.replace("\r", "\n").split("\n")
    return " ".join(filter(None, map(str.strip, lines))) if len(lines) > 1 else text


def to_text(name: str) -> str:
    r"""Return a name of a file as text that UTF-8 can hold: its bytes that are not UTF-8 as \xNN.

    Python has such bytes as lone surrogates; one that stands for no byte becomes \uNNNN.
    """
    return _SURROGATE.sub(lambda match: _escape_surrogate(match[0]), name)


def from_text(text: str) -> str:
    r"""Return the name of a file that `to_text` made the text of; a name with "\xNN" in it is not told from bytes."""
    return _BYTE.sub(lambda match: chr(0xDC00 + int(match[1], 16)), text)


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
    if 0xD800 <= code < 0xE000:
        return _escape_surrogate(character)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _escape_surrogate(character: str) -> str:
    code = ord(character)
    return f"\\x{code - 0xDC00:02x}" if 0xDC80 <= code <= 0xDCFF else f"\\u{code:04x}"
