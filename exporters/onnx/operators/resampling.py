"""Upsample as ONNX operations.

A Resize where onnxruntime computes with it what the layer does; else, as in float64, for which it has no Resize, or
with fields that opset 17 lacks, the same map as a Gather or a product along each axis.
"""

from typing import Any

import numpy as np

from cnnkit.exporters.core.architecture import LayerFields
from cnnkit.exporters.core.resampled_axes import read_axes
from cnnkit.exporters.onnx.graph_builder import GraphBuilder
from cnnkit.resampling import AxisMap, compute_matrix, find_inside, find_nearest

_RESIZED = (
    "half_pixel",
    "pytorch_half_pixel",
    "asymmetric",
    "align_corners",
)  # coordinates of opset 17 without regions


def add_upsample(graph: GraphBuilder, layer: LayerFields, x: str) -> str:
    """Append an Upsample and return the name of its result."""
    axes = read_axes(layer)
    resize = None if graph.dtype == "float64" else _describe_resize(layer, axes)
    if resize is not None:
        return _add_resize(graph, layer, x, *resize)
    for place, axis in enumerate(axes, 2):
        x = _add_axis(graph, layer, x, place, axis)
    return _fill_outside(graph, layer, x, axes)


_Resize = tuple[dict[str, Any], list[float] | None]  # attributes, and scales; None for sizes


def _describe_resize(layer: LayerFields, axes: list[AxisMap]) -> _Resize | None:
    """Return how a Resize does it, None where it is written otherwise."""
    return _describe_copies(axes) if axes[0].mode == "nearest" else _describe_interpolation(layer, axes)


def _describe_copies(axes: list[AxisMap]) -> _Resize | None:
    """Describe whole factors alone: runtimes round coordinates to float32, which may give another pixel."""
    factors = [axis.outputs // axis.length for axis in axes]
    for axis, factor in zip(axes, factors, strict=True):
        if find_nearest(axis) != tuple(place // factor for place in range(axis.length * factor)):
            return None
    nearest = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor", "mode": "nearest"}
    return nearest, [float(factor) for factor in factors]


def _describe_interpolation(layer: LayerFields, axes: list[AxisMap]) -> _Resize | None:
    first, scaled = axes[0], layer.get("scale") is not None
    known = first.coordinates in _RESIZED and not first.antialias and not (scaled and layer.get("size") is not None)
    possible = len(axes) == 2 if first.mode == "cubic" else len(axes) <= 3 and not first.exclude_outside
    scales = [np.float32(axis.scale or 1) for axis in axes]
    rounded = scaled and any(int(s * a.length) != a.outputs for s, a in zip(scales, axes, strict=True))
    if not (known and possible) or rounded:
        return None
    attributes: dict[str, Any] = {"coordinate_transformation_mode": first.coordinates, "mode": first.mode}
    if first.mode == "cubic":
        attributes |= {"cubic_coeff_a": float(first.cubic_a), "exclude_outside": int(first.exclude_outside)}
    return attributes, [float(scale) for scale in scales] if scaled else None


def _add_resize(
    graph: GraphBuilder, layer: LayerFields, x: str, attributes: dict[str, Any], scales: list[float] | None
) -> str:
    path = layer["path"]
    if scales is not None:
        inputs = [x, "", graph.constant(f"{path}/scales", [1, 1, *scales], "float32")]
    else:  # the batch and the channels keep their lengths, which the graph has to ask for
        shape = graph.node("Shape", path, [x], end=2)
        inputs = [x, "", "", graph.node("Concat", path, [shape, _add_sizes(graph, layer)], axis=0)]
    return graph.node("Resize", path, inputs, **attributes)


def _add_sizes(graph: GraphBuilder, layer: LayerFields) -> str:
    return graph.constant(f"{layer['path']}/size", layer["output_shape"][1:], "int64")


def _add_axis(graph: GraphBuilder, layer: LayerFields, x: str, place: int, axis: AxisMap) -> str:
    path, last = layer["path"], len(layer["input_shape"])
    if axis.mode == "nearest":
        source = graph.constant(f"{path}/source/{place}", find_nearest(axis), "int64")
        return graph.node("Gather", path, [x, source], f"Gather/{place}", axis=place)
    matrix = compute_matrix(axis)
    if matrix is None:
        return x
    if place == last - 1:
        weights = graph.constant(f"{path}/matrix/{place}", matrix)
        return graph.node("MatMul", path, [weights, x], f"MatMul/{place}")
    weights, order = graph.constant(f"{path}/matrix/{place}", matrix.T), list(range(last + 1))
    order[place], order[last] = last, place
    if place != last:
        x = graph.node("Transpose", path, [x], f"Transpose/{place}", perm=order)
    x = graph.node("MatMul", path, [x, weights], f"MatMul/{place}")
    return x if place == last else graph.node("Transpose", path, [x], f"Transpose/{place}/back", perm=order)


def _fill_outside(graph: GraphBuilder, layer: LayerFields, x: str, axes: list[AxisMap]) -> str:
    """Append what replaces values that come from beyond the image, along each axis where there are some."""
    if axes[0].coordinates != "tf_crop_and_resize":
        return x
    path = layer["path"]
    for place, axis in enumerate(axes):
        inside = find_inside(axis)
        if inside is not None:
            shape = [axis.outputs if other == place else 1 for other in range(len(axes))]
            mask = graph.constant(f"{path}/inside/{place}", inside.reshape(shape), "bool")
            value = graph.constant(f"{path}/extrapolation", layer.get("extrapolation", 0.0))
            x = graph.node("Where", path, [mask, x, value], f"Where/{place}")
    return x
