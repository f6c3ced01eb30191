"""The blocks of a report: headings, paragraphs and tables. Terminal, Markdown and HTML each render them."""

import math
from dataclasses import dataclass

PASS, FAIL = "pass", "FAIL"


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
    """Rows under headings. kinds: one letter per column, "r" for a right-aligned one."""

    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    kinds: str = ""


Block = SectionHeading | Paragraph | Table


def error_text(error: float) -> str:
    """Return an error in two digits, "0" or "not finite"."""
    if error == 0:
        return "0"
    return f"{error:.1e}" if math.isfinite(error) else "not finite"
