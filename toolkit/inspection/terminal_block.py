"""Blocks of text for a terminal, placed side by side; codes for colours take no room."""

from collections.abc import Sequence
from itertools import zip_longest
from typing import NamedTuple


class Block(NamedTuple):
    """Lines of a picture; a terminal shows each of them in `width` columns."""

    lines: Sequence[str]
    width: int


def place_beside(blocks: Sequence[Block], width: int, gap: int = 2) -> Block:
    """Return the blocks side by side, as many in a row as fit into `width`, with an empty line between rows."""
    widest = max(block.width for block in blocks)
    count = min(max((width + gap) // (widest + gap), 1), len(blocks))
    lines: list[str] = []
    for start in range(0, len(blocks), count):
        columns = [_pad_lines(block, widest) for block in blocks[start : start + count]]
        columns += [[]] * (count - len(columns))
        lines += [""] * bool(start)
        lines += ((" " * gap).join(cells) for cells in zip_longest(*columns, fillvalue=" " * widest))
    return Block(lines, count * (widest + gap) - gap)


def add_caption(caption: str, block: Block) -> Block:
    """Return a block below its caption, which is cut into lines at its commas where it is wider."""
    pieces = [caption] if len(caption) <= block.width else caption.split(", ")
    width = max(block.width, *map(len, pieces))
    return Block([*(piece.ljust(width) for piece in pieces), *_pad_lines(block, width)], width)


def _pad_lines(block: Block, width: int) -> list[str]:
    """Return the lines of a block, each as wide as `width`."""
    return [line + " " * (width - block.width if line else width) for line in block.lines]
