"""Tables as CSV (RFC 4180) with numbers as programs read them; headings and paragraphs are left out.

A text that a spreadsheet would compute (=1+1, @SUM(A1), -2+cmd|...) stands behind an apostrophe; a number does not.
"""

import csv
import io
import re

from cnnkit.documents.blocks import Block, Cell, Table, TableEntry, text_of

_FORMULA = re.compile(r"\s*[=+\-@\uff1d\uff0b\uff0d\uff20]\s*\S")


def render(part: Block) -> str:
    """Return the lines of a table, "" for any other block."""
    if not isinstance(part, Table):
        return ""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(map(_read_value, part.headings))
    writer.writerows([_read_value(cell) for cell in row] for row in part.rows)
    return text.getvalue().rstrip("\n")


def _read_value(cell: Cell) -> str | float:
    value = cell.value if isinstance(cell, TableEntry) else None
    if value is not None and not isinstance(value, str):
        return value
    text = text_of(cell if value is None else value)
    return f"'{text}" if _FORMULA.match(text) and not _is_number(text) else text


def _is_number(text: str) -> bool:
    try:
        float(text.replace(",", ""))
    except ValueError:
        return False
    return True
