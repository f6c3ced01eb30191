"""Sizes and strides of shapes, in Python's integers, which do not overflow."""

from collections.abc import Iterable
from typing import Any

MAX_RANK = 32
_MAX_BYTES = 1 << 62


def count_bytes(shape: Any, item_bytes: int) -> int:
    """Return the bytes of an array of that shape, whose extents come from a file.

    Raises ValueError for anything but up to 32 whole numbers >= 0, and for a shape that NumPy cannot have.
    """
    if not isinstance(shape, list | tuple):
        raise ValueError(f"expected a shape, got a {type(shape).__name__}")
    if len(shape) > MAX_RANK:
        raise ValueError(f"{len(shape)} axes, more than {MAX_RANK}")
    total = widest = item_bytes
    for extent in shape:
        if type(extent) is not int or extent < 0:
            actual = extent if type(extent) is int else f"a {type(extent).__name__}"  # whose text may be huge
            raise ValueError(f"expected a shape of whole numbers, got {actual}")
        total *= extent
        widest *= max(extent, 1)  # NumPy refuses even an empty array when the other axes overflow
        if widest > _MAX_BYTES:
            raise ValueError("a shape of more than 2^62 bytes")
    return total


def strides(shape: Iterable[int]) -> tuple[int, ...]:
    """Return the strides, in elements, of a C-contiguous array; an extent of 0 counts as 1."""
    steps, step = [], 1
    for extent in reversed(tuple(shape)):
        steps.append(step)
        step *= max(extent, 1)
    return tuple(reversed(steps))
