"""How the numbers of a tensor lie on lines: rows, slices with labels, rows of an image's maps."""

import math
from typing import NamedTuple

_LONGEST, _FOLDED = 32, 16


class Layout(NamedTuple):
    """Numbers of a line, lines of a group (0: no groups; a blank line parts them), and numbers under each label.

    `labelled` is how many leading axes a label counts; 0: there are no labels.
    """

    line: int
    group: int
    block: int
    labelled: int


def layout(shape: tuple[int, ...], maps: tuple[int, ...] | None = None) -> Layout:
    """Return the layout of a tensor; `maps` is (C, H, W) where its rows are images.

    A row of at most 32 numbers is a line; a longer one is folded to its maps, or to 16 a line.
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
