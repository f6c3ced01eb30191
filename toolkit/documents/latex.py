"""Blocks in LaTeX, as a part of a document: tables as `tabular`, which needs no package; text as comments."""

import re

from cnnkit.documents.blocks import Block, Table, text_of
from cnnkit.files.names import escape_hidden

_SIGNS = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "[": "{[}",  # after the end of a row, [ and * would be read as its arguments
    "]": "{]}",
    "*": "{*}",
    **{sign: "\\" + sign for sign in "&%$#_{}"},
}


def render(part: Block) -> str:
    """Return one block."""
    if not isinstance(part, Table):
        return f"% {' '.join(map(escape_hidden, part.text.split()))}"
    sides = "".join("r" if kind == "r" else "l" for kind in part.columns)
    head, *rows = [" & ".join(escape(text_of(cell)) for cell in row) + r" \\" for row in (part.headings, *part.rows)]
    return "\n".join((rf"\begin{{tabular}}{{{sides}}}", r"\hline", head, r"\hline", *rows, r"\hline", r"\end{tabular}"))


def escape(text: str) -> str:
    """Return a text whose signs mean nothing in LaTeX; hyphens stay hyphens, quotes straight."""
    safe = "".join(_SIGNS.get(sign, sign) for sign in " ".join(map(escape_hidden, text.split())))
    return re.sub(r"-(?=-)", "-{}", safe)
