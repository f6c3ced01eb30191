"""Blocks in Markdown, with tables as GitHub reads them."""

import re

from cnnkit.documents.blocks import Block, Paragraph, SectionHeading, text_of
from cnnkit.files.names import escape_hidden


def render(part: Block) -> str:
    """Return one block."""
    if isinstance(part, SectionHeading):
        return "#" * part.level + " " + escape(part.text)
    if isinstance(part, Paragraph):
        return escape(part.text)
    sides = ["---:" if kind == "r" else "---" for kind in part.columns]
    rows = [[escape(text_of(cell)) for cell in row] for row in (part.headings, *part.rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in (rows[0], sides, *rows[1:]))


def escape(text: str) -> str:
    """Return a text whose signs mean nothing in Markdown."""
    text = " ".join(map(escape_hidden, text.split()))
    for sign in ("\\", "|", "`", "*", "[", "~", "$"):
        text = text.replace(sign, "\\" + sign)
    text = re.sub(r"(?<!\w)_|_(?!\w)", r"\\_", text)  # inside of a word it means nothing
    text = text.replace("&", "&amp;").replace("<", "&lt;")
    return re.sub(r"^([#+>-]+)(?=\s)", r"\\\1", text)  # at the start, a heading, a list or a quotation
