"""Tables as notebooks show them, in HTML without colours of their own, so that they suit light and dark pages.

Every text is escaped here. Numbers stand to the right, texts to the left, as in the tables of the command line.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from cnnkit.files.markup import escape_html

MOST_ROWS = 200
_LEFT, _RIGHT, _WHOLE = "text-align:left", "text-align:right", ";white-space:nowrap"


def draw_caption(title: str, text: str) -> str:
    """Return a title in bold and a line of text beside it."""
    return f"<div><b>{escape_html(title)}</b> {escape_html(text)}</div>"


def draw_table(
    headings: Sequence[str], rows: Sequence[Sequence[str]], left: int = 1, wrapped: Sequence[str] = ()
) -> str:
    """Return a table whose first `left` columns are texts and whose others are numbers; MOST_ROWS rows at most.

    wrapped: headings of the columns whose cells may take several lines.
    """
    styles = [
        (_LEFT if column < left else _RIGHT) + ("" if heading in wrapped else _WHOLE)
        for column, heading in enumerate(headings)
    ]
    body = "".join(f"<tr>{_cells('td', row, styles)}</tr>" for row in rows[:MOST_ROWS])
    more = draw_lines([f"and {len(rows) - MOST_ROWS:,} more rows"]) if len(rows) > MOST_ROWS else ""
    return f"<table><thead><tr>{_cells('th', headings, styles)}</tr></thead><tbody>{body}</tbody></table>{more}"


def draw_lines(lines: Iterable[str]) -> str:
    """Return a line of text each."""
    return "".join(f"<div>{escape_html(line)}</div>" for line in lines)


def join_shape(shape: Sequence[Any]) -> str:
    """(4, 6, 6) -> "4 × 6 × 6"; of several inputs or outputs, whose shapes it lists, "4 × 6 × 6 and 10"."""
    if shape and isinstance(shape[0], tuple):
        return " and ".join(map(join_shape, shape))
    return " × ".join(map(str, shape))


def _cells(tag: str, texts: Sequence[str], styles: Sequence[str]) -> str:
    pairs = zip(texts, styles, strict=True)
    return "".join(f'<{tag} style="{style}">{escape_html(text)}</{tag}>' for text, style in pairs)
