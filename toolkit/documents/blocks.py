"""The blocks of a document: headings, paragraphs and tables. Terminal, Markdown, LaTeX, CSV and HTML render them."""

from collections.abc import Sequence
from dataclasses import dataclass

from cnnkit.files.names import escape_hidden, join_lines


@dataclass(frozen=True)
class TableEntry:
    """A cell of a table that is more than its text.

    value  what a program reads instead of the text: 1234 where people read "1,234"; None: the text
    style  how a terminal draws it, as rich writes styles ("bold red", "white on #0072b2")
    minor  left out where a narrow terminal shows the row as a record: the zeros of a matrix
    """

    text: str
    value: str | float | None = None
    style: str = ""
    minor: bool = False


Cell = str | TableEntry


@dataclass(frozen=True)
class SectionHeading:
    """The heading of a section; level 1 is the title of the document."""

    text: str
    level: int = 2


@dataclass(frozen=True)
class Paragraph:
    """A few sentences."""

    text: str


@dataclass(frozen=True)
class Table:
    """Rows under headings.

    kinds  one letter per column: "r" aligns right, "w" is text that may be broken into lines, as is the last column;
           " " is never broken
    """

    headings: tuple[str, ...]
    rows: Sequence[Sequence[Cell]]
    kinds: str = ""

    @property
    def columns(self) -> str:
        """The kinds, one letter for each heading."""
        kinds = self.kinds.ljust(len(self.headings))[: len(self.headings)]
        return kinds[:-1] + ("r" if kinds[-1:] == "r" else "w")


Block = SectionHeading | Paragraph | Table


def text_of(cell: Cell) -> str:
    """Return what people read in a cell or heading, in one line and safe to show."""
    text = cell.text if isinstance(cell, TableEntry) else cell
    return escape_hidden(join_lines(text))


def count(number: int, absent: str = "0") -> TableEntry:
    """Return a whole number with separators; `absent` stands for zero."""
    return TableEntry(f"{number:,}" if number else absent, number)
