"""Windows, strides and padding of the layers of an architecture, resolved to numbers of pixels."""

from collections.abc import Mapping
from typing import Any, NamedTuple

Pair = tuple[int, int]
Sizes = tuple[int, ...]  # a number for each spatial axis
Padding = tuple[Pair, ...]  # (begin, end) for each spatial axis


class WindowGeometry(NamedTuple):
    """Numbers for each spatial axis; `same` is what "same" means here.

    overhang  what ceil_mode adds at the end, beyond the padding: never counted in means
    """

    window: Sizes
    stride: Sizes
    dilation: Sizes
    padding: Padding
    same: Padding
    overhang: Sizes

    @property
    def full_padding(self) -> Padding:
        """Padding and overhang together."""
        return tuple((begin, end + more) for (begin, end), more in zip(self.padding, self.overhang, strict=True))


def count_spatial_axes(layer: Mapping[str, Any]) -> int:
    """Return 2 for a Conv2D. Raises ValueError where the type names no number of axes from 1 to 3."""
    kind = str(layer["type"])
    if kind[-2:] not in ("1D", "2D", "3D"):
        raise ValueError(kind)
    return int(kind[-2])


def read_geometry(layer: Mapping[str, Any]) -> WindowGeometry:
    """Return the geometry of a convolution or pooling layer (of a transposed one `same` has no meaning)."""
    rank, pools = count_spatial_axes(layer), "Pool" in layer["type"]
    window = as_sizes(layer["window"], rank)
    stride = as_sizes(layer.get("stride") or (window if pools else 1), rank)
    dilation = as_sizes(layer.get("dilation", 1), rank)
    extents = tuple(d * (w - 1) + 1 for w, d in zip(window, dilation, strict=True))
    sizes = layer["input_shape"][1:]
    same = tuple(map(_compute_same, sizes, extents, stride))
    padding = _resolve_padding(layer.get("padding", 0), same)
    overhang = tuple(map(_measure_overhang, sizes, extents, stride, padding))
    return WindowGeometry(
        window, stride, dilation, padding, same, overhang if layer.get("ceil_mode", False) else (0,) * rank
    )


def divide_evenly(layer: Mapping[str, Any]) -> WindowGeometry | None:
    """Return the windows of an adaptive pooling whose size divides its input along each axis, otherwise None."""
    sizes, outputs = layer["input_shape"][1:], layer["output_shape"][1:]
    if any(n % o for n, o in zip(sizes, outputs, strict=True)):
        return None
    window = tuple(n // o for n, o in zip(sizes, outputs, strict=True))
    none, zeros = ((0, 0),) * len(window), (0,) * len(window)
    return WindowGeometry(window, window, (1,) * len(window), none, none, zeros)


def as_sizes(value: Any, rank: int) -> Sizes:
    """Return a number for each of `rank` axes: 3 -> (3, 3)."""
    if isinstance(value, int):
        return (value,) * rank
    sizes = tuple(map(int, value))
    if len(sizes) != rank:
        raise ValueError(value)
    return sizes


def _resolve_padding(padding: Any, same: Padding) -> Padding:
    if padding == "same":
        return same
    if padding == "same_lower":
        return tuple((end, begin) for begin, end in same)
    if padding == "valid":
        return ((0, 0),) * len(same)
    sides = (padding,) * len(same) if isinstance(padding, int) else padding
    resolved = tuple((side, side) if isinstance(side, int) else (int(side[0]), int(side[1])) for side in sides)
    if len(resolved) != len(same):
        raise ValueError(padding)
    return resolved


def _compute_same(size: int, extent: int, stride: int) -> Pair:
    total = max((-(-size // stride) - 1) * stride + extent - size, 0)
    return total // 2, total - total // 2  # the odd pixel at the end


def _measure_overhang(size: int, extent: int, stride: int, padding: Pair) -> int:
    """Return how far a last window of ceil_mode reaches; it starts before the padding at the end, as in torch."""
    begin, end = padding
    last = -(-(size + begin + end - extent) // stride) * stride
    last -= stride * (last >= size + begin)
    return max(0, last + extent - size - begin - end)
