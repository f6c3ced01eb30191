"""Windows, strides and padding of layers as an architecture describes them, for formats of other makers."""

from collections.abc import Mapping
from typing import Any, NamedTuple

Pair = tuple[int, int]
Padding = tuple[Pair, Pair]


class Geometry(NamedTuple):
    """Height and width of each; padding as ((top, bottom), (left, right)); `same` is what "same" would mean here."""

    window: Pair
    stride: Pair
    dilation: Pair
    padding: Padding
    same: Padding


def geometry(layer: Mapping[str, Any]) -> Geometry:
    """Return the geometry of a convolution or pooling layer (for a transposed one `same` means nothing)."""
    window = pair(layer["window"])
    stride = pair(layer.get("stride") or (window if layer["type"].endswith("Pool2D") else 1))
    dilation = pair(layer.get("dilation", 1))
    height, width = layer["input_shape"][1:]
    same = (_same(height, window[0], stride[0], dilation[0]), _same(width, window[1], stride[1], dilation[1]))
    return Geometry(window, stride, dilation, _resolved(layer.get("padding", 0), same), same)


def pair(value: Any) -> Pair:
    """3 -> (3, 3)."""
    return (value, value) if isinstance(value, int) else (int(value[0]), int(value[1]))


def _resolved(padding: Any, same: Padding) -> Padding:
    if padding == "same":
        return same
    height, width = (0, 0) if padding == "valid" else pair(padding)
    return (height, height), (width, width)


def _same(size: int, window: int, stride: int, dilation: int) -> Pair:
    total = max((-(-size // stride) - 1) * stride + dilation * (window - 1) + 1 - size, 0)
    return total // 2, total - total // 2  # the odd pixel at the end
