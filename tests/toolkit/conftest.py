"""How a test reads a drawn table back."""

import re
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from rich.cells import cell_len

from cnnkit.documents import Table, TableEntry, text_of


def _read_back(table: Table, lines: Sequence[str], width: int) -> None:
    """Fail unless every cell of every row can be read in these lines, whole where it is no text, in order."""
    assert max(map(cell_len, lines), default=0) <= width
    start = 0
    for row in table.rows:
        shown = [
            (text_of(cell).strip(), kind)
            for cell, kind in zip(row, table.columns, strict=True)
            if not (isinstance(cell, TableEntry) and cell.minor)
        ]
        cells, kinds = [cell for cell, _ in shown], [kind for _, kind in shown]
        whole = [cell for cell, kind in zip(cells, kinds, strict=True) if kind != "w" and cell]
        numbers = [number for cell in cells for number in re.findall(r"\S*\d\S*", cell) if len(number) <= 16]
        end = start
        while end < len(lines) and not _holds(" \n ".join(lines[start : end + 1]), whole + numbers):
            end += 1
        assert end < len(lines), f"{row} is not in\n" + "\n".join(lines[start:])
        start = end + 1 if whole and whole[0] in lines[end] else end


def _holds(text: str, cells: Sequence[str]) -> bool:
    return all(re.search(rf"(?<!\S){re.escape(cell)}(?!\S)", text) for cell in cells)


@pytest.fixture
def read_back() -> Callable[[Table, Sequence[str], int], Any]:
    return _read_back
