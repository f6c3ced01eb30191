"""A tensor as people look at it: unit by unit, each unit as the maps (H, W) of its channels."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cnnkit.exporters.core.small_floats import decode
from cnnkit.exporters.core.weight_file import Tensor
from cnnkit.inspection.layouts import words
from cnnkit.inspection.unit_rules import unit_word
from cnnkit.inspection.units import unit_axis

Maps = tuple[int, ...]


class UnitMaps(NamedTuple):
    """values (units, channels, H, W) in float64; `word` says what a unit is; `axis` counts units in the tensor.

    folded: H and W are an image's; False where a row of numbers has no such shape.
    """

    values: NDArray[np.float64]
    word: str
    axis: int | None
    folded: bool


def unit_maps(tensor: Tensor, image: Maps | None = None) -> UnitMaps | None:
    """Read a tensor as maps, None for complex values and for none.

    image: (C, H, W) where its rows are flattened images.
    """
    if not tensor.parameters or tensor.dtype.startswith("complex"):
        return None
    array = decode(tensor.read(), tensor.dtype)
    values, axes = array.astype(np.float64), words(tensor)
    axis = unit_axis(tensor)
    if axis is None and len(tensor.shape) > 1 and not axes:
        axis = 0
    if axis is None:
        return UnitMaps(values.reshape(1, 1, 1, -1), "tensor", None, False)
    rest = [k for k in range(values.ndim) if k != axis]
    inputs = [k for k in rest if axes and not axes[k].startswith("k")]
    order = [axis, *inputs, *(k for k in rest if k not in inputs)] if axes else [axis, *rest]
    turned = values.transpose(order)
    units = turned.shape[0]
    if turned.ndim > 2:  # a window: its last two axes are a picture, a window of one axis is a row
        height = turned.shape[-2] if turned.ndim > 3 else 1
        return UnitMaps(turned.reshape(units, -1, height, turned.shape[-1]), unit_word(tensor), axis, True)
    if image is not None and turned.shape[1] == image[0] * image[1] * image[2]:
        return UnitMaps(turned.reshape(units, *image), unit_word(tensor), axis, True)
    return UnitMaps(turned.reshape(units, 1, 1, -1), unit_word(tensor), axis, False)
