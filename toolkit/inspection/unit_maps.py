"""A tensor as maps: for each unit, one map (H, W) per channel."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cnnkit.exporters.core.small_floats import decode
from cnnkit.exporters.core.weight_file import Tensor
from cnnkit.inspection.layouts import normalise_axes
from cnnkit.inspection.unit_rules import name_unit
from cnnkit.inspection.units import find_unit_axis

Maps = tuple[int, ...]


class UnitMaps(NamedTuple):
    """values (units, channels, H, W) in float64; `word` for a unit; `axis` of the units in the tensor.

    folded: whether H and W are those of an image; False for a plain row of numbers.
    """

    values: NDArray[np.float64]
    word: str
    axis: int | None
    folded: bool


def read_unit_maps(tensor: Tensor, image: Maps | None = None) -> UnitMaps | None:
    """Read a tensor as maps; None for complex values and for no values.

    image: (C, H, W) when each row is a flattened image.
    """
    if not tensor.parameters or tensor.dtype.startswith("complex"):
        return None
    values = decode(tensor.read(), tensor.dtype).astype(np.float64)
    axes, axis = normalise_axes(tensor), find_unit_axis(tensor)
    if axis is None and len(tensor.shape) > 1 and not axes:
        axis = 0
    if axis is None:
        return UnitMaps(values.reshape(1, 1, 1, -1), "tensor", None, False)
    units = values.transpose(_order_axes(axes, axis, values.ndim))
    shape = _map_shape(units.shape, image)
    return UnitMaps(units.reshape(shape or (len(units), 1, 1, -1)), name_unit(tensor), axis, shape is not None)


def _order_axes(axes: tuple[str, ...], axis: int, rank: int) -> tuple[int, ...]:
    """Return the axes in the order: units, inputs, window; unnamed axes keep their order after the units."""
    rest = [k for k in range(rank) if k != axis]
    return (axis, *sorted(rest, key=lambda k: bool(axes) and axes[k].startswith("k")))


def _map_shape(shape: tuple[int, ...], image: Maps | None) -> tuple[int, ...] | None:
    """Return (units, channels, H, W) of a window (one axis: H is 1) or of a flattened image, None for neither."""
    if image is not None and shape[1:] == (math.prod(image),):
        return shape[0], *image
    return (shape[0], -1, shape[-2] if len(shape) > 3 else 1, shape[-1]) if len(shape) > 2 else None
