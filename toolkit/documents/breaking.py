"""Lines that fit in a width: text broken between words, fields and numbers kept whole."""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from rich.cells import cell_len, chop_cells

_PLACES = re.compile(r"(?<=[./_:\-\\])(?=[^\W\d_])")  # where a long name may be broken: before a letter, after a mark
_COMFORT = 14  # columns of text are not made narrower where their text is longer
_WHOLE = 16  # a word of so many columns is not broken, a longer one after a mark


class StyledText(NamedTuple):
    """A part of a line and the style in which a terminal draws it."""

    text: str
    style: str = ""


Line = list[StyledText]


def measure_least(text: str) -> int:
    """Return the width under which a text is hard to read: of its longest word, of a long name the longest part."""
    words = text.split(" ")
    parts = [part for word in words for part in (_PLACES.split(word) if cell_len(word) > _WHOLE else [word])]
    return max(*map(cell_len, parts), min(cell_len(text), _COMFORT))


def break_text(text: str, width: int) -> list[str]:
    """Return the text in lines: broken between words, long names after a mark, and elsewhere only in need."""
    lines = [""]
    for part in _cut(text, width):
        if cell_len(lines[-1] + part) <= width:
            lines[-1] += part
        else:
            chopped = chop_cells(part.lstrip(), max(width, 2)) or [""]
            lines[-1:] = [lines[-1], *chopped] if lines[-1] else chopped
    return lines


def _cut(text: str, width: int) -> Iterator[str]:
    """Yield the words of a text with the space before each; words that are too long in parts."""
    for number, word in enumerate(text.split(" ")):
        space = " " if number else ""
        first, *rest = [word] if cell_len(word) <= width else _PLACES.split(word)
        yield from (space + first, *rest)


def flow(
    fields: Iterable[tuple[str, str]], width: int, indent: str = "", first: str = "", gap: str = "   "
) -> Iterator[Line]:
    """Yield lines of fields (text, style) with a gap between them, each whole in its line if it fits in one.

    first, indent: what the first line and the others begin with.
    """
    line, used = [StyledText(first)], cell_len(first)
    for text, style in fields:
        head, *rest = break_text(text, max(width - cell_len(indent), 1))
        space = gap if len(line) > 1 else ""
        if space and (rest or used + len(space) + cell_len(head) > width):
            yield line
            line, used, space = [StyledText(indent)], cell_len(indent), ""
        line, used = [*line, StyledText(space), StyledText(head, style)], used + len(space) + cell_len(head)
        for part in rest:
            yield line
            line, used = [StyledText(indent), StyledText(part, style)], width
    if len(line) > 1:
        yield line


def break_numbers(line: str, width: int, indent: str = "    ") -> list[str]:
    """Return a line of numbers, each with the spaces before it, as lines of whole numbers, the later ones indented."""
    lines = [""]
    for number in re.findall(r"\s+\S*|\S+", line.rstrip()):
        if lines[-1].strip() and cell_len(lines[-1] + number) > width:
            lines.append(indent)
        lines[-1] += number if cell_len(lines[-1] + number) <= width else number.lstrip()
    return lines
