"""Maps as text for a terminal: coloured cells, or two characters a value, its sign and a digit of its magnitude."""

import math

import numpy as np
from numpy.typing import NDArray

from cnnkit.exporters.svg.scale import NAN, NEGATIVE_INFINITY, POSITIVE_INFINITY, STEPS, ColourScale
from cnnkit.files.png import Colour
from cnnkit.inspection.mosaic import index_table, mix_palette
from cnnkit.inspection.terminal_block import Block, place_beside
from cnnkit.pictures import paint_background, paint_halves

Map = NDArray[np.float64]
_FOLD = 32  # numbers per line of a row without a shape
_SMALL = 12  # a wider map has one character per value, two rows per line
ABSENT = np.uint64(0x7FF8_AB5E_0000_0001).view(np.float64)  # a NaN that no calculation produces
_ODD = {NAN: "??", POSITIVE_INFINITY: "^^", NEGATIVE_INFINITY: "vv"}


def fold(values: Map) -> Map:
    """Return maps (C, H, W); one long row becomes rows of 32, the last filled with ABSENT, which is not drawn."""
    if values.shape[1] != 1 or values.shape[2] <= _FOLD:
        return values
    flat = values.reshape(len(values), -1)
    rows = -(-flat.shape[1] // _FOLD)
    room = np.full((len(values), rows * _FOLD), ABSENT)
    room[:, : flat.shape[1]] = flat
    return room.reshape(len(values), rows, _FOLD)


def draw_plain(maps: Map, scale: ColourScale, width: int) -> Block:
    """Return maps (C, H, W) side by side as text: "+9" is the largest magnitude, " ." exactly zero."""
    gap = " " if maps.shape[2] <= _FOLD else ""
    across = (2 + len(gap)) * maps.shape[2] - len(gap)
    blocks = []
    for values in maps:
        rows = zip(scale.levels(values).tolist(), _is_present(values).tolist(), strict=True)
        cells = (
            [_format_level(n) if t else "  " for n, t in zip(levels, there, strict=True)] for levels, there in rows
        )
        blocks.append(Block([gap.join(row) for row in cells], across))
    return place_beside(blocks, width)


def draw_coloured(maps: Map, scale: ColourScale, width: int) -> Block:
    """Return the same in true colour (ANSI): two blanks per cell, or half blocks for a wide map."""
    colours = mix_palette((0xF7, 0xF7, 0xF7))
    table = index_table()
    blocks, cell = [], 2 if maps.shape[2] <= _SMALL else 1
    for values in maps:
        cells = table[scale.levels(values).view(np.uint8)]
        there = _is_present(values)
        if cell == 2:
            lines = [paint_background([colours[c] for c in row]) for row in cells.tolist()]
        else:
            lines = [_draw_halves(cells, there, row, colours) for row in range(0, len(cells), 2)]
        blocks.append(Block(lines, cell * maps.shape[2]))
    return place_beside(blocks, width)


def _is_present(values: Map) -> NDArray[np.bool_]:
    present: NDArray[np.bool_] = np.ascontiguousarray(values).view(np.uint64) != ABSENT.view(np.uint64)
    return present


def _draw_halves(cells: NDArray[np.uint8], there: NDArray[np.bool_], row: int, colours: list[Colour]) -> str:
    upper, lower = (
        [colours[c] if t else None for c, t in zip(cells[i].tolist(), there[i].tolist(), strict=True)]
        if i < len(cells)
        else [None] * cells.shape[1]
        for i in (row, row + 1)
    )
    return paint_halves(upper, lower)


def _format_level(level: int) -> str:
    if level in _ODD:
        return _ODD[level]
    if not level:
        return " ."
    return f"{'+' if level > 0 else '-'}{math.ceil(abs(level) * 10 / STEPS) - 1}"
