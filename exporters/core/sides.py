"""The padding of Pad and the cropping of Crop in the architecture JSON."""

from collections.abc import Sequence
from typing import Any

Side = tuple[int, int]


def read_sides(value: Any, x_shape: Sequence[int]) -> tuple[Side, ...]:
    """Return (begin, end) for each axis of a sample x_shape (C, ...).

    value: a number for both ends of each spatial axis, one number for each of them, or one [begin, end] for each of
    them or for each axis of a sample. Raises ValueError for another number of axes.
    """
    spatial = len(x_shape) - 1
    values = [value] * spatial if isinstance(value, int) else list(value)
    sides = [(side, side) if isinstance(side, int) else (int(side[0]), int(side[1])) for side in values]
    if len(sides) == spatial:
        sides.insert(0, (0, 0))
    if len(sides) != len(x_shape):
        raise ValueError(f"expected {spatial} or {len(x_shape)} axes, got {len(sides)}")
    return tuple(sides)
