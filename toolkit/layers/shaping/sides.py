"""How much to add or to cut at both ends of each axis: the fields of Pad and Crop."""

from typing import Any

from cnnkit.backends.protocol import Pair, Shape
from cnnkit.layers.base import Layer
from cnnkit.layers.fields import MOST_AXES, require
from cnnkit.values import is_count

Sides = int | tuple[int, ...] | tuple[Pair, ...]
_FORMS = "a whole number >= 0, one for each spatial axis, or a pair (begin, end) of them for each axis"


def require_sides(layer: str, field: str, value: object) -> None:
    """Raise ConfigError unless value is a whole number >= 0, some of them, or some pairs of them."""
    good = is_count(value) or (isinstance(value, tuple) and 0 < len(value) <= MOST_AXES and _are_alike(value))
    require(good, layer, field, _FORMS, value)


def _are_alike(values: tuple[Any, ...]) -> bool:
    if all(is_count(value) for value in values):
        return True
    return all(isinstance(v, tuple) and len(v) == 2 and is_count(v[0]) and is_count(v[1]) for v in values)


def resolve_sides(layer: Layer, value: Sides, x_shape: Shape) -> tuple[Pair, ...]:
    """Return (begin, end) for each axis of a sample x_shape (C, ...). Raises ShapeError where the axes do not fit.

    A number is for both ends of each spatial axis, numbers are for one spatial axis each; pairs are for the spatial
    axes, or for all axes of a sample where there are as many.
    """
    spatial = len(x_shape) - 1
    if isinstance(value, int):
        if spatial < 1:
            raise layer.refuse("(N, C, ...) with spatial axes", x_shape)
        return ((0, 0), *((value, value),) * spatial)
    pairs = tuple((side, side) if isinstance(side, int) else side for side in value)
    if len(pairs) == spatial:
        return ((0, 0), *pairs)
    if len(pairs) == len(x_shape) and not isinstance(value[0], int):
        return pairs
    raise layer.refuse(f"(N, C, ...) with {len(pairs)} spatial axes", x_shape)
