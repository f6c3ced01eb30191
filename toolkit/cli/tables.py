"""Blocks of a document on standard output: for people, or in the form that --format names."""

import itertools
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from rich.text import Text

from cnnkit.cli.output import Output
from cnnkit.documents import Block, Cell, Paragraph, SectionHeading, Table
from cnnkit.documents.forms import TableForm

if TYPE_CHECKING:
    from rich.console import Console

    from cnnkit.documents.breaking import Line

MOST = 5_000  # lines of one list on a terminal; a pipe gets all
BATCH = 500  # lines that are printed at once


def print_table(output: Output, headings: Sequence[str], rows: Iterable[Sequence[Cell]], kinds: str = "") -> None:
    """Print rows under their headings. kinds: see `cnnkit.documents.Table`."""
    print_block(output, Table(tuple(headings), tuple(rows), kinds))


def print_block(output: Output, block: Block, style: str = "") -> None:
    """Print a block: within the width of a terminal, without line breaks in a pipe, or in another form.

    style: of a paragraph on a terminal.
    """
    if output.json:
        return
    if output.form is not TableForm.TEXT:
        _write(output, block)
    elif isinstance(block, Table):
        _draw(output, block)
    elif isinstance(block, SectionHeading):
        output.say()
        output.say(block.text, style="bold")
    else:
        output.say(block.text, style=style)


def print_lines(output: Output, lines: Iterable[str]) -> None:
    """Print lines, many at a time: a call takes longer than a line."""
    remaining = iter(lines)
    while batch := list(itertools.islice(remaining, BATCH)):
        output.say_lines(batch)


def print_sentence(output: Output, text: str, style: str = "") -> None:
    """Print a paragraph."""
    print_block(output, Paragraph(text), style)


def print_fields(output: Output, *fields: tuple[str, str]) -> None:
    """Print texts with their styles in one line, on a terminal in as many as they need, none of them broken."""
    output.say(format_fields(output, *fields), no_wrap=True, overflow="ignore", crop=False)


def format_fields(
    output: Output, *fields: tuple[str, str], first: str = "", indent: str = "", gap: str = "   "
) -> Text:
    """Return texts with their styles in one line, for a terminal in as many as they need, none of them broken.

    first, indent: what the first line and the others begin with; gap: what stands between two texts.
    """
    from cnnkit.documents.breaking import flow

    lines = flow(fields, find_width(output.people) or sys.maxsize, indent, first, gap)
    return Text("\n").join(Text.assemble(*line) for line in lines)


def write_numbers(output: Output, lines: Iterable[str]) -> None:
    """Write texts of one line or more; on a terminal, lines that are too long are broken between numbers."""
    width = find_width(output.people)
    if width is None:
        sys.stdout.writelines(lines)
        return
    from cnnkit.documents.breaking import break_numbers

    for text in lines:
        for line in text.splitlines():
            sys.stdout.write("\n".join(break_numbers(line, width)) + "\n")


def find_width(console: "Console") -> int | None:
    """Return the columns of a terminal, None in a pipe, where no line is broken."""
    return console.width if console.is_terminal else None


def _draw(output: Output, table: Table) -> None:
    from cnnkit.documents.layout import lay_out, write_lines

    width = find_width(output.people)
    if width is None:
        print_lines(output, write_lines(table))
        return
    rule = "─" if output.people.encoding.startswith("utf") else "-"
    for line in lay_out(table, width, rule):
        _say(output, line)


def _say(output: Output, line: "Line") -> None:
    output.say(Text.assemble(*line), no_wrap=True, overflow="ignore", crop=False)


def _write(output: Output, block: Block) -> None:
    from cnnkit.documents import csv_text, latex, markdown

    renderers = {TableForm.MARKDOWN: markdown, TableForm.LATEX: latex, TableForm.CSV: csv_text}
    text = renderers[output.form].render(block)
    if text:
        sys.stdout.write(("\n" if output.blocks else "") + text + "\n")
        output.blocks += 1


def format_shape(shape: Sequence[Any]) -> str:
    """(1, 28, 28) -> "1 x 28 x 28"; of several inputs or outputs, whose shapes it lists, "1 x 28 x 28 and 10"."""
    if shape and isinstance(shape[0], tuple | list):
        return " and ".join(map(format_shape, shape))
    return " x ".join(map(str, shape)) or "scalar"


def format_size(size: float) -> str:
    """Return a number of bytes with a unit: "231 KiB"."""
    if size >= 1 << 50:  # a whole number of any length
        return f"{int(size) >> 30:,} GiB"
    for unit in ("bytes", "KiB", "MiB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if size >= 100 or unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} GiB"
