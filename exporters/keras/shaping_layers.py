"""Layers that move, cut, pad, resample or reduce values, as Keras layers; channels come last there."""

from collections.abc import Callable, Mapping, Sequence

from cnnkit.errors import ExportError
from cnnkit.exporters.core.architecture import LayerFields
from cnnkit.exporters.core.sides import Side, read_sides
from cnnkit.exporters.keras.builder import KerasBuilder
from cnnkit.resampling import AxisMap, find_nearest

Adder = Callable[[KerasBuilder, LayerFields], None]


def _refuse(layer: LayerFields, problem: str) -> ExportError:
    return ExportError(f"layer {layer['path']} ({layer['type']}): Keras {problem}: write --format onnx")


def _require_image(layer: LayerFields) -> tuple[int, int, int]:
    shape = layer["input_shape"]
    if len(shape) != 3:
        raise _refuse(layer, "has it as a layer for images (C, H, W) alone")
    channels, height, width = shape
    return channels, height, width


def _keras_order(rank: int) -> tuple[int, ...]:
    """Return which axis of cnnkit each axis of Keras is, N being axis 0 of both."""
    return (*range(2, rank + 1), 1)


def _add_transpose(network: KerasBuilder, layer: LayerFields) -> None:
    order = _keras_order(len(layer["input_shape"]))
    dims = [order.index(layer["axes"][axis]) + 1 for axis in order]
    if dims != sorted(dims):
        network.put("Permute", layer["path"], {"dims": dims})


def _exchange(network: KerasBuilder, layer: LayerFields, split: Sequence[int], order: Sequence[int]) -> None:
    """Append what splits axes, brings them into another order and joins them to the layer's output shape."""
    path, output = layer["path"], layer["output_shape"]
    network.straighten(path)
    network.put("Reshape", path, {"target_shape": list(split)})
    network.put("Permute", path, {"dims": list(order)})
    network.put("Reshape", path, {"target_shape": [output[axis - 1] for axis in _keras_order(len(output))]})


def _add_channel_shuffle(network: KerasBuilder, layer: LayerFields) -> None:
    channels, *rest = layer["input_shape"]
    split, axes = (layer["groups"], channels // layer["groups"]), len(rest)
    _exchange(network, layer, (*rest, *split), (*range(1, axes + 1), axes + 2, axes + 1))


def _add_depth_to_space(network: KerasBuilder, layer: LayerFields) -> None:
    (channels, height, width), block = _require_image(layer), layer["block"]
    outer = channels // block**2
    if layer.get("mode", "DCR") == "DCR":
        _exchange(network, layer, (height, width, block, block, outer), (1, 3, 2, 4, 5))
    else:
        _exchange(network, layer, (height, width, outer, block, block), (1, 4, 2, 5, 3))


def _add_space_to_depth(network: KerasBuilder, layer: LayerFields) -> None:
    (channels, height, width), block = _require_image(layer), layer["block"]
    order = (1, 3, 2, 4, 5) if layer.get("mode", "DCR") == "DCR" else (1, 3, 5, 2, 4)
    _exchange(network, layer, (height // block, block, width // block, block, channels), order)


def _add_slice(network: KerasBuilder, layer: LayerFields) -> None:
    axis, shape = layer["axis"], layer["input_shape"]
    if layer.get("step", 1) != 1:
        raise _refuse(layer, "crops in steps of 1 alone")
    start, stop, _ = slice(layer.get("start", 0), layer.get("stop")).indices(shape[axis - 1])
    sides = [(start, length - stop) if place == axis else (0, 0) for place, length in enumerate(shape, 1)]
    _add_edges(network, layer, "Cropping2D", "cropping", sides)


def _add_crop(network: KerasBuilder, layer: LayerFields) -> None:
    _add_edges(network, layer, "Cropping2D", "cropping", read_sides(layer["cropping"], layer["input_shape"]))


def _add_pad(network: KerasBuilder, layer: LayerFields) -> None:
    if layer.get("mode", "constant") != "constant" or layer.get("value", 0.0):
        raise _refuse(layer, "pads with zeros alone")
    _add_edges(network, layer, "ZeroPadding2D", "padding", read_sides(layer["padding"], layer["input_shape"]))


def _add_edges(network: KerasBuilder, layer: LayerFields, kind: str, field: str, sides: Sequence[Side]) -> None:
    """Append what cuts off or adds edges: along rows and columns, and along channels in their place."""
    path, shape = layer["path"], layer["input_shape"]
    if len(shape) > 3:
        raise _refuse(layer, "has it as a layer for images (C, H, W) alone")
    if len(shape) < 3:
        network.straighten(path)
        order = _keras_order(len(shape))
        turned, output = ([lengths[axis - 1] for axis in order] for lengths in (shape, layer["output_shape"]))
        network.put("Reshape", path, {"target_shape": [*turned, *(1,) * (3 - len(shape))]})
        network.put(kind, path, {field: [list(side) for side in (*(sides[axis - 1] for axis in order), (0, 0))[:2]]})
        network.put("Reshape", path, {"target_shape": output})
        return
    if any(map(any, sides[1:])):
        network.put(kind, path, {field: [list(side) for side in sides[1:]]})
    if any(sides[0]):
        network.put("Permute", path, {"dims": [3, 1, 2]})
        network.put(kind, path, {field: [list(sides[0]), [0, 0]]})
        network.put("Permute", path, {"dims": [2, 3, 1]})


def _add_upsample(network: KerasBuilder, layer: LayerFields) -> None:
    _require_image(layer)
    lengths, outputs, scale = layer["input_shape"][1:], layer["output_shape"][1:], layer.get("scale")
    factors = [output // length for length, output in zip(lengths, outputs, strict=True)]
    if layer.get("mode", "nearest") == "nearest" and _copies(layer, factors):
        network.put("UpSampling2D", layer["path"], {"size": factors, "interpolation": "nearest"})
    elif _interpolates(layer) and scale is None:
        size = {"height": outputs[0], "width": outputs[1]}
        network.put("Resizing", layer["path"], {**size, "interpolation": "bilinear"})
    elif _interpolates(layer) and factors == (list(scale) if isinstance(scale, list | tuple) else [scale] * 2):
        network.put("UpSampling2D", layer["path"], {"size": factors, "interpolation": "bilinear"})
    else:
        raise _refuse(layer, "copies pixels by whole factors, or resamples linearly from half pixels")


def _interpolates(layer: LayerFields) -> bool:
    extras = ("align_corners", "exclude_outside", "antialias")
    plain = layer.get("coordinates", "half_pixel") == "half_pixel" and not any(
        layer.get(name, False) for name in extras
    )
    return plain and layer.get("mode") == "linear"


def _copies(layer: LayerFields, factors: Sequence[int]) -> bool:
    """Return whether each pixel of the result is that of its place in blocks of these factors."""
    scale, rule = layer.get("scale"), layer.get("nearest_rule", "round_prefer_floor")
    scales = scale if isinstance(scale, list | tuple) else [scale] * 2
    coordinates = "align_corners" if layer.get("align_corners", False) else layer.get("coordinates", "half_pixel")
    if coordinates == "tf_crop_and_resize":
        return False
    for length, output, given, factor in zip(
        layer["input_shape"][1:], layer["output_shape"][1:], scales, factors, strict=True
    ):
        axis = AxisMap(length, output, given, "nearest", coordinates, rule, 0.0, False, False, (0.0, 1.0))
        if find_nearest(axis) != tuple(place // factor for place in range(length * factor)):
            return False
    return True


def _add_reduce(network: KerasBuilder, layer: LayerFields) -> None:
    kinds = {"mean": "GlobalAveragePooling2D", "max": "GlobalMaxPooling2D"}
    if len(layer["input_shape"]) != 3 or sorted(layer["axes"]) != [2, 3] or layer["kind"] not in kinds:
        raise _refuse(layer, "has layers for the mean and the maximum of rows and columns alone")
    network.put(kinds[layer["kind"]], layer["path"], {"keepdims": bool(layer.get("keepdims", True))})


def _add_rescale(network: KerasBuilder, layer: LayerFields) -> None:
    network.put("Rescaling", layer["path"], {"scale": layer.get("factor", 1.0), "offset": layer.get("shift", 0.0)})


SHAPING: Mapping[str, Adder] = {
    "Transpose": _add_transpose, "ChannelShuffle": _add_channel_shuffle, "Slice": _add_slice, "Crop": _add_crop,
    "Pad": _add_pad, "Upsample": _add_upsample, "DepthToSpace": _add_depth_to_space,
    "SpaceToDepth": _add_space_to_depth, "Reduce": _add_reduce, "Rescale": _add_rescale,
}  # fmt: skip
