"""Tables as CSV (RFC 4180) with numbers as programs read them; headings and paragraphs are left out."""

import csv
import io

from cnnkit.documents.blocks import Block, Cell, Table, TableEntry


def render(part: Block) -> str:
    """Return the lines of a table, "" for any other block."""
    if not isinstance(part, Table):
        return ""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(part.headings)
    writer.writerows([_read_value(cell) for cell in row] for row in part.rows)
    return text.getvalue().rstrip("\n")


def _read_value(cell: Cell) -> str | float:
    if not isinstance(cell, TableEntry):
        return cell
    return cell.text if cell.value is None else cell.value
