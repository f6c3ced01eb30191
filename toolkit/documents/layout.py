"""A table within a width: as it is, with its text in more lines, or one record after another. No number is broken."""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from rich.cells import cell_len, chop_cells

from cnnkit.documents.blocks import Cell, Entry, Table, text_of

GAPS = ("  ", " ")  # between columns: two spaces where they fit
_INDENT = "  "
_PLACES = re.compile(r"(?<=[./_:\-\\])(?=[^\W\d_])")  # where a long name may be broken: before a letter, after a mark


class Piece(NamedTuple):
    """A part of a line and the style in which a terminal draws it."""

    text: str
    style: str = ""


Line = list[Piece]


def lay_out(table: Table, width: int | None, rule: str = "") -> Iterator[Line]:
    """Yield the lines of a table that fit in `width` columns of a terminal; None: any width, nothing is broken.

    rule: the character of the line under the headings.

    Where even the text columns at their longest words are too wide, each row becomes a record: its first cell, and
    below it the others, each after its heading.
    """
    for gap in GAPS:
        widths = _choose_widths(table, width, len(gap))
        if widths is not None:
            yield from _draw_grid(table, widths, gap, rule)
            return
    yield from _draw_records(table, width or 0)


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


def _choose_widths(table: Table, width: int | None, gap: int) -> list[int] | None:
    """Return the width of each column, None where they do not fit."""
    columns = list(zip(*_texts(table), strict=True))
    widest = [max(map(cell_len, column)) for column in columns]
    if width is None:
        return widest
    widths = [
        max(_longest_word(heading), *map(_longest_word if kind == "w" else cell_len, cells), 0)
        for (heading, *cells), kind in zip(columns, table.columns, strict=True)
    ]
    spare = width - gap * (len(columns) - 1) - sum(widths)
    if spare < 0:
        return None
    while spare > 0 and widths != widest:  # the columns that need most grow first
        needs = [wanted - given for wanted, given in zip(widest, widths, strict=True)]
        widths[needs.index(max(needs))] += 1
        spare -= 1
    return widths


def _longest_word(text: str) -> int:
    return max(cell_len(part) for word in text.split(" ") for part in _PLACES.split(word))


def _draw_grid(table: Table, widths: Sequence[int], gap: str, rule: str) -> Iterator[Line]:
    headings = [Entry(heading, style="bold" if rule else "") for heading in table.headings]
    for number, row in enumerate((headings, *table.rows)):
        cells = [break_text(text_of(cell), width) for cell, width in zip(row, widths, strict=True)]
        for k in range(max(map(len, cells))):
            texts = [lines[k] if k < len(lines) else "" for lines in cells]
            yield _join(zip(texts, widths, table.columns, map(_style_of, row), strict=True), gap)
        if number == 0 and rule:
            yield [Piece(rule * (sum(widths) + len(gap) * (len(widths) - 1)), "dim")]


def _join(cells: Iterable[tuple[str, int, str, str]], gap: str) -> Line:
    line: Line = []
    for text, width, kind, style in cells:
        space = " " * (width - cell_len(text))
        before, after = (space, "") if kind == "r" else ("", space)
        line += [Piece(before), Piece(text, style), Piece(after + gap)]
    while line and not line[-1].text.strip() and not line[-1].style:
        line.pop()
    return line


def _draw_records(table: Table, width: int) -> Iterator[Line]:
    for row in table.rows:
        title = f"{table.headings[0]} {text_of(row[0])}".strip()
        yield from ([Piece(text, "bold")] for text in break_text(title, max(width, 1)))
        fields = [
            (f"{heading}: {text_of(cell)}" if heading else text_of(cell), _style_of(cell))
            for heading, cell in zip(table.headings[1:], row[1:], strict=True)
            if text_of(cell) and not (isinstance(cell, Entry) and cell.minor)
        ]
        yield from _flow(fields, width)


def _flow(fields: Sequence[tuple[str, str]], width: int) -> Iterator[Line]:
    """Yield lines of fields, each whole in its line if it fits in one."""
    room, line, used = max(width - len(_INDENT), 1), [Piece(_INDENT)], 0
    for text, style in fields:
        first, *rest = break_text(text, room)
        space = "   " if used else ""
        if used and (rest or used + len(space) + cell_len(first) > room):
            yield line
            line, used, space = [Piece(_INDENT)], 0, ""
        line, used = [*line, Piece(space), Piece(first, style)], used + len(space) + cell_len(first)
        for part in rest:
            yield line
            line, used = [Piece(_INDENT), Piece(part, style)], room
    if used:
        yield line


def _texts(table: Table) -> list[list[str]]:
    return [list(table.headings), *([text_of(cell) for cell in row] for row in table.rows)]


def _style_of(cell: Cell) -> str:
    return cell.style if isinstance(cell, Entry) else ""
