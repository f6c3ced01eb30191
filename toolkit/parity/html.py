"""A report in HTML: one file, no scripts, nothing fetched, which its security policy says too."""

from collections.abc import Sequence

from cnnkit.documents import Cell, Paragraph, SectionHeading, Table, text_of
from cnnkit.files.markup import build_policy, escape_whole
from cnnkit.parity.document import document
from cnnkit.parity.results import ParityResults
from cnnkit.parity.wording import FAIL

_STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --paper: #fff; --line: #d8dee4; --fail: #ffebe9; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e9ed; --paper: #14171a; --line: #363c44; --fail: #4a1d1f; }
}
@media print { :root { --ink: #000; --paper: #fff; --line: #ccc; --fail: #ffebe9; } }
body { font: 15px/1.45 system-ui, sans-serif; max-width: 75em; margin: 2em auto; padding: 0 1em;
       color: var(--ink); background: var(--paper); }
table { border-collapse: collapse; margin: 1em 0; display: block; overflow-x: auto; }
th, td { padding: .2em .7em; border-bottom: 1px solid var(--line); text-align: left; }
td.r, th.r { text-align: right; font-variant-numeric: tabular-nums; }
tr.fail { background: var(--fail); }
"""
_VIEWPORT = '<meta name="viewport" content="width=device-width">'


def render(report: ParityResults) -> str:
    """Return the report as a page of HTML."""
    parts = list(document(report))
    title = next(escape_whole(part.text) for part in parts if isinstance(part, SectionHeading))
    policy = f'<meta http-equiv="Content-Security-Policy" content="{build_policy(_STYLE)}">'
    head = f'<meta charset="utf-8">{policy}{_VIEWPORT}<title>{title}</title><style>{_STYLE}</style>'
    return (
        f'<!doctype html>\n<html lang="en"><head>{head}</head><body>\n'
        + "\n".join(map(_block, parts))
        + "\n</body></html>\n"
    )


def _block(part: SectionHeading | Paragraph | Table) -> str:
    if isinstance(part, SectionHeading):
        return f"<h{part.level}>{escape_whole(part.text)}</h{part.level}>"
    if isinstance(part, Paragraph):
        return f"<p>{escape_whole(part.text)}</p>"
    kinds = part.columns
    lines = [f"<tr>{_cells('th', part.headings, kinds)}</tr>"]
    for row in part.rows:
        lines.append(
            f"<tr{' class=fail' if any(text_of(cell) == FAIL for cell in row) else ''}>{_cells('td', row, kinds)}</tr>"
        )
    return "<table>" + "\n".join(lines) + "</table>"


def _cells(tag: str, cells: Sequence[Cell], kinds: str) -> str:
    return "".join(
        f"<{tag}{' class=r' if kind == 'r' else ''}>{escape_whole(text_of(cell))}</{tag}>"
        for cell, kind in zip(cells, kinds, strict=True)
    )
