"""Tables: drawn on a terminal, aligned columns without line breaks in a pipe."""

from collections.abc import Sequence
from typing import Any, Literal

from rich import box
from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from cnnkit.cli.output import Output

Cell = str | Text


def print_table(output: Output, headings: Sequence[str], rows: Sequence[Sequence[Cell]], kinds: str = "") -> None:
    """Print rows under their headings.

    kinds: one letter per column: "r" aligns right, "w" lets a terminal wrap the text; the last column always wraps.
    """
    if output.json:
        return
    kinds = kinds.ljust(len(headings))[: len(headings) - 1] + ("r" if kinds[len(headings) - 1 :] == "r" else "w")
    if output.people.is_terminal:
        table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
        for heading, kind in zip(headings, kinds, strict=True):
            side: Literal["left", "right"] = "right" if kind == "r" else "left"
            table.add_column(Text(heading), justify=side, no_wrap=kind != "w", overflow="fold")
        for row in rows:
            table.add_row(*map(_to_text, row))
        output.say(table)
        return
    texts = [[_to_text(cell).plain for cell in row] for row in (headings, *rows)]
    widths = [max(map(cell_len, column)) for column in zip(*texts, strict=True)]
    for line in texts:
        padded = (_pad(*cell) for cell in zip(line, widths, kinds, strict=True))
        output.say(Text("  ".join(padded).rstrip()))


def _pad(text: str, width: int, kind: str) -> str:
    gap = " " * (width - cell_len(text))
    return gap + text if kind == "r" else text + gap


def _to_text(cell: Any) -> Text:
    return cell if isinstance(cell, Text) else Text(cell)


def format_shape(shape: Sequence[int]) -> str:
    """(1, 28, 28) -> "1 x 28 x 28"."""
    return " x ".join(map(str, shape)) or "scalar"


def format_size(size: float) -> str:
    """Return a number of bytes with a unit: "231 KiB"."""
    for unit in ("bytes", "KiB", "MiB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if size >= 100 or unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} GiB"
