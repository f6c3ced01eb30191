"""A table within a width: as it is, with its text in more lines, or one record after another. No number is broken."""

from collections.abc import Iterable, Iterator, Sequence

from rich.cells import cell_len

from cnnkit.documents.blocks import Cell, Table, TableEntry, text_of
from cnnkit.documents.breaking import Line, StyledText, break_text, flow, measure_least

GAPS = ("  ", " ")  # between columns: two spaces where they fit
_INDENT = "  "


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


def write_lines(table: Table) -> Iterator[str]:
    """Yield the lines of a table as `lay_out` does for any width, without styles: quickly, for very many rows."""
    texts = [list(map(text_of, row)) for row in (table.headings, *table.rows)]
    widths = [max(map(_measure, column)) for column in zip(*texts, strict=True)]
    for row in texts:
        cells = [
            " " * (width - _measure(text)) + text if kind == "r" else text + " " * (width - _measure(text))
            for text, width, kind in zip(row, widths, table.columns, strict=True)
        ]
        yield GAPS[0].join(cells).rstrip(" ")


def _measure(text: str) -> int:
    return len(text) if text.isascii() else cell_len(text)


def fits(table: Table, width: int | None) -> bool:
    """Return whether the rows stand under their headings in that width, rather than one after another."""
    return any(_choose_widths(table, width, len(gap)) is not None for gap in GAPS)


def _choose_widths(table: Table, width: int | None, gap: int) -> list[int] | None:
    """Return the width of each column, None where they do not fit."""
    texts = [[*map(text_of, table.headings)], *([text_of(cell) for cell in row] for row in table.rows)]
    columns = list(zip(*texts, strict=True))
    widest = [max(map(cell_len, column)) for column in columns]
    if width is None:
        return widest
    widths = [
        max(measure_least(heading), *map(measure_least if kind == "w" else cell_len, cells), 0)
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


def _draw_grid(table: Table, widths: Sequence[int], gap: str, rule: str) -> Iterator[Line]:
    headings = [TableEntry(text_of(heading), style="bold" if rule else "") for heading in table.headings]
    for number, row in enumerate((headings, *table.rows)):
        cells = [break_text(text_of(cell), width) for cell, width in zip(row, widths, strict=True)]
        for k in range(max(map(len, cells))):
            texts = [lines[k] if k < len(lines) else "" for lines in cells]
            yield _join(zip(texts, widths, table.columns, map(_style_of, row), strict=True), gap)
        if number == 0 and rule:
            yield [StyledText(rule * (sum(widths) + len(gap) * (len(widths) - 1)), "dim")]


def _join(cells: Iterable[tuple[str, int, str, str]], gap: str) -> Line:
    line: Line = []
    for text, width, kind, style in cells:
        space = " " * (width - cell_len(text))
        before, after = (space, "") if kind == "r" else ("", space)
        line += [StyledText(before), StyledText(text, style), StyledText(after + gap)]
    while line and not line[-1].text.strip():
        line.pop()
    return line


def _draw_records(table: Table, width: int) -> Iterator[Line]:
    for row in table.rows:
        title = f"{text_of(table.headings[0])} {text_of(row[0]).strip()}".strip()
        yield from ([StyledText(text, "bold")] for text in break_text(title, max(width, 1)))
        fields = [
            (f"{text_of(heading)}: {text_of(cell).strip()}".removeprefix(": "), _style_of(cell))
            for heading, cell in zip(table.headings[1:], row[1:], strict=True)
            if text_of(cell).strip() and not (isinstance(cell, TableEntry) and cell.minor)
        ]
        yield from flow(fields, width, _INDENT, _INDENT)


def _style_of(cell: Cell) -> str:
    return cell.style if isinstance(cell, TableEntry) else ""
