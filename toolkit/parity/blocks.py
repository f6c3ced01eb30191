"""What a report is made of: headings, paragraphs and tables, each shown by terminal, Markdown and HTML in its way."""

import math
from dataclasses import dataclass

PASS, FAIL = "pass", "FAIL"


@dataclass(frozen=True)
class Heading:
    """A line above what follows; level 1 is the document's own."""

    text: str
    level: int = 2


@dataclass(frozen=True)
class Paragraph:
    """A few sentences."""

    text: str


@dataclass(frozen=True)
class Table:
    """Rows under headings. kinds: "r" where a column's cells stand on the right."""

    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    kinds: str = ""


Block = Heading | Paragraph | Table


def error_text(error: float) -> str:
    """Return an error as people read it."""
    if error == 0:
        return "0"
    return f"{error:.1e}" if math.isfinite(error) else "not finite"
