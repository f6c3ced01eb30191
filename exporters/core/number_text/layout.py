"""How the numbers of a tensor are divided into lines: rows, labelled slices, rows of the maps of an image."""

import math
from typing import NamedTuple

_LONGEST, _FOLDED = 32, 16


class Layout(NamedTuple):
    """Numbers per line, lines per group (0: no groups; a blank line separates them), and numbers per label.

    labelled: the number of leading axes whose indices a label gives; 0: there are no labels.
    """

    line: int
    group: int
    block: int
    labelled: int


def choose_layout(shape: tuple[int, ...], maps: tuple[int, ...] | None = None) -> Layout:
    """Return the layout of a tensor; `maps` is (C, H, W) where its rows are images.

    A row of at most 32 numbers is one line; a longer one is folded to the rows of its maps, or to 16 numbers per line.
    """
    row = shape[-1] if shape else 1
    size = math.prod(shape)
    if row <= _LONGEST:
        slices = len(shape) > 2
        return Layout(max(row, 1), 0, row * shape[-2] if slices else size, len(shape) - 2 if slices else 0)
    labelled = len(shape) - 1
    if maps is not None and math.prod(maps) == row and 1 < maps[2] <= _LONGEST:
        return Layout(maps[2], maps[1], row, labelled)
    return Layout(_FOLDED, 0, row, labelled)
