"""A report in Markdown."""

import re

from cnnkit.parity.blocks import Paragraph, SectionHeading, Table
from cnnkit.parity.document import document
from cnnkit.parity.results import ParityResults


def render(report: ParityResults) -> str:
    """Return the report as a page of Markdown."""
    return "\n\n".join(map(block, document(report))) + "\n"


def block(part: SectionHeading | Paragraph | Table) -> str:
    """Return one part of a page."""
    if isinstance(part, SectionHeading):
        return "#" * part.level + " " + _escaped(part.text)
    if isinstance(part, Paragraph):
        return _escaped(part.text)
    sides = ["---:" if kind == "r" else "---" for kind in part.kinds.ljust(len(part.headings))]
    lines = [part.headings, tuple(sides), *part.rows]
    return "\n".join("| " + " | ".join(map(_escaped, line)) + " |" for line in lines)


def _escaped(text: str) -> str:
    for sign in ("\\", "|", "`", "*", "["):
        text = text.replace(sign, "\\" + sign)
    text = re.sub(r"(?<!\w)_|_(?!\w)", r"\\_", text)  # inside of a word it means nothing
    return " ".join(text.replace("&", "&amp;").replace("<", "&lt;").split())
