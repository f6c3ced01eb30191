"""Windows, strides and padding of the layers of an architecture, resolved to numbers of pixels."""

from collections.abc import Mapping
from typing import Any, NamedTuple

Pair = tuple[int, int]
Padding = tuple[Pair, Pair]


class WindowGeometry(NamedTuple):
    """Height and width of each; padding as ((top, bottom), (left, right)); `same` is what "same" means here."""

    window: Pair
    stride: Pair
    dilation: Pair
    padding: Padding
    same: Padding


def read_geometry(layer: Mapping[str, Any]) -> WindowGeometry:
    """Return the geometry of a convolution or pooling layer (of a transposed one `same` has no meaning)."""
    window = as_pair(layer["window"])
    stride = as_pair(layer.get("stride") or (window if layer["type"].endswith("Pool2D") else 1))
    dilation = as_pair(layer.get("dilation", 1))
    height, width = layer["input_shape"][1:]
    same = (
        _compute_same(height, window[0], stride[0], dilation[0]),
        _compute_same(width, window[1], stride[1], dilation[1]),
    )
    return WindowGeometry(window, stride, dilation, _resolve_padding(layer.get("padding", 0), same), same)


def as_pair(value: Any) -> Pair:
    """3 -> (3, 3)."""
    return (value, value) if isinstance(value, int) else (int(value[0]), int(value[1]))


def _resolve_padding(padding: Any, same: Padding) -> Padding:
    if padding == "same":
        return same
    height, width = (0, 0) if padding == "valid" else as_pair(padding)
    return (height, height), (width, width)


def _compute_same(size: int, window: int, stride: int, dilation: int) -> Pair:
    total = max((-(-size // stride) - 1) * stride + dilation * (window - 1) + 1 - size, 0)
    return total // 2, total - total // 2  # the odd pixel at the end
