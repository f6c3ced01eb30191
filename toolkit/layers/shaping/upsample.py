"""Upsample: images of another size."""

import functools
import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from cnnkit.backends.protocol import Array, Backend, Shape
from cnnkit.contracts import dtype_name
from cnnkit.layers.base import Context, Layer
from cnnkit.layers.shaping.along_axis import map_along, select, select_gradient, weigh
from cnnkit.layers.shaping.resampling_fields import Scales, require_resampling, require_scales, require_sizes
from cnnkit.resampling import (
    AxisMap,
    compute_matrix,
    find_adjoint_taps,
    find_inside,
    find_nearest,
    find_taps,
    is_unchanged,
)
from cnnkit.tree import Tree


@dataclass(frozen=True)
class Upsample(Layer):
    """y = x at another size, larger or smaller; x (N, C, *spatial), y (N, C, *size). Fields are those of ONNX's Resize.

    scale: output pixels for each input pixel, a number or one for each spatial axis; the size is rounded down. size: a
    number or one for each spatial axis. At least one of the two is given; with both, `scale` is for coordinates alone.
    mode: "nearest" copies a pixel, "linear" interpolates between 2 pixels along each axis, "cubic" between 4.
    coordinates: where an output pixel i lies among the input's; with s = scale, "half_pixel" (i + 0.5)/s - 0.5,
    "asymmetric" i/s, "align_corners" i*(L - 1)/(O - 1); "pytorch_half_pixel", "half_pixel_symmetric",
    "tf_half_pixel_for_nn" and "tf_crop_and_resize" as in ONNX. align_corners: true is short for the last of the three.
    nearest_rule: "round_prefer_floor", "round_prefer_ceil", "floor" or "ceil". torch.nn.Upsample's "nearest" is
    "asymmetric" with "floor" (the default does the same for whole factors), "nearest-exact" has "round_prefer_ceil".
    cubic_a: of Keys' kernel; -0.75 as in PyTorch and ONNX, -0.5 in TensorFlow. exclude_outside: whether pixels beyond
    the edge have no weight; else they are copies of the edge. antialias: whether the kernel widens where axes shrink.
    region, extrapolation: for "tf_crop_and_resize", (begin, end) for each spatial axis as parts of it, and the value
    beyond the image.
    """

    scale: Scales | None = None
    size: int | tuple[int, ...] | None = None
    mode: Literal["nearest", "linear", "cubic"] = "nearest"
    align_corners: bool = False
    coordinates: str = "half_pixel"
    nearest_rule: str = "round_prefer_floor"
    cubic_a: float = -0.75
    exclude_outside: bool = False
    antialias: bool = False
    region: tuple[tuple[float, float], ...] | None = None
    extrapolation: float = 0.0

    def __post_init__(self) -> None:
        require_scales(self.type, self.scale, self.size)
        require_sizes(self.type, self.size)
        require_resampling(self)

    def output_shape(self, x_shape: Shape) -> Shape:
        return (x_shape[0], *(axis.outputs for axis in self._axes(x_shape)))

    def _axes(self, x_shape: Shape) -> tuple[AxisMap, ...]:
        """Return how each spatial axis is resampled."""
        count = len(x_shape) - 1
        scales, sizes = _spread(self.scale, count), _spread(self.size, count)
        regions = ((0.0, 1.0),) * count if self.region is None else self.region
        if count < 1 or not len(scales) == len(sizes) == len(regions) == count:
            given = max(len(scales), len(sizes), len(regions))
            raise self.refuse(f"(N, C, ...) with {given or 'some'} spatial axes", x_shape)
        coordinates = "align_corners" if self.align_corners else self.coordinates
        rest = (self.cubic_a, self.exclude_outside, self.antialias and self.mode != "nearest")
        axes = []
        for length, scale, size, region in zip(x_shape[1:], scales, sizes, regions, strict=True):
            outputs = math.floor(length * scale) if size is None else size
            if outputs < 1:
                raise self.refuse(
                    f"(N, C, ...) of which scale (={scale}) leaves a pixel", x_shape, "use a larger scale"
                )
            axes.append(AxisMap(length, outputs, scale, self.mode, coordinates, self.nearest_rule, *rest, region))
        return tuple(axes)

    def reach(self, x_shape: Shape) -> None:
        return None

    def forward(self, context: Context, params: Tree, state: Tree, x: Array) -> tuple[Array, Any]:
        backend, axes = context.backend, self._axes(tuple(x.shape[1:]))
        y = x
        for place, axis in reversed([*enumerate(axes, 2)]):  # the last axis while it is short: there gathers cost most
            y = _resample(backend, y, place, axis)
        inside = _find_all_inside(backend, axes)
        return y if inside is None else backend.where(inside, y, float(self.extrapolation)), axes

    def backward(self, context: Context, params: Tree, cache: tuple[AxisMap, ...], dy: Array) -> tuple[Array, Tree]:
        backend = context.backend
        inside = _find_all_inside(backend, cache)
        dx = dy if inside is None else backend.where(inside, dy, 0.0)
        for place, axis in enumerate(cache, 2):
            dx = _resample_gradient(backend, dx, place, axis)
        return dx, {}


def _spread(value: Any, count: int) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,) * count


def _resample(backend: Backend, x: Array, place: int, axis: AxisMap) -> Array:
    """Return x resampled along the axis at this place."""
    if axis.mode == "nearest":
        return select(backend, x, place, find_nearest(axis))
    if is_unchanged(axis):
        return x
    taps = find_taps(axis)
    if taps is not None:
        return weigh(backend, x, place, taps)
    return map_along(backend, x, place, backend.constant(compute_matrix(axis), dtype_name(x)))


def _resample_gradient(backend: Backend, dy: Array, place: int, axis: AxisMap) -> Array:
    """Return dx: the adjoint of `_resample`."""
    if axis.mode == "nearest":
        return select_gradient(backend, dy, place, find_nearest(axis), axis.length)
    if is_unchanged(axis):
        return dy
    taps = find_adjoint_taps(axis)
    if taps is not None:
        return weigh(backend, dy, place, taps)
    return map_along(
        backend, dy, place, backend.transpose(backend.constant(compute_matrix(axis), dtype_name(dy)), (1, 0))
    )


def _find_all_inside(backend: Backend, axes: tuple[AxisMap, ...]) -> Array | None:
    """Return for each pixel of an image whether it comes from inside of x; None where all do."""
    inside = _join_inside(axes) if axes[0].coordinates == "tf_crop_and_resize" else None
    return None if inside is None else backend.constant(inside)


@functools.lru_cache(maxsize=64)
def _join_inside(axes: tuple[AxisMap, ...]) -> Any:
    along = [find_inside(axis) for axis in axes]
    if all(inside is None for inside in along):
        return None
    lines = [np.ones(a.outputs, bool) if i is None else i for i, a in zip(along, axes, strict=True)]
    return functools.reduce(np.logical_and.outer, lines)
