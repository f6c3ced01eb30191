"""Convolutions and pooling as Keras layers; padding that Keras does not have becomes a layer of its own."""

from collections.abc import Callable
from typing import Any

from cnnkit.errors import ExportError
from cnnkit.exporters.core.architecture import LayerFields
from cnnkit.exporters.core.layer_geometry import (
    Padding,
    Pair,
    WindowGeometry,
    as_sizes,
    count_spatial_axes,
    divide_evenly,
    read_geometry,
)
from cnnkit.exporters.keras.builder import KerasBuilder
from cnnkit.exporters.keras.keras_layer import KerasVariable


def _add_conv(network: KerasBuilder, layer: LayerFields) -> None:
    """Append a Conv1D, Conv2D, Conv3D, or a DepthwiseConv where every channel is a group."""
    shape, groups, outputs = read_geometry(layer), layer.get("groups", 1), layer["features"]
    channels, rank = layer["input_shape"][0], len(shape.window)
    weight = network.tensor(layer, "weight", (outputs, channels // groups, *shape.window))
    config = _describe_window(layer, shape) | {"padding": _put_padding(network, layer, shape)}
    axes = tuple(range(2, 2 + rank))
    if groups == channels > 1 and rank < 3 and len(set(shape.stride)) == 1:
        multiplier = outputs // channels
        kernel = KerasVariable(weight, (channels, multiplier, *shape.window), (*axes, 0, 1))
        kind, config = "DepthwiseConv", config | {"depth_multiplier": multiplier}
    else:
        kernel = KerasVariable(weight, weight.shape, (*axes, 1, 0))
        kind, config = "Conv", config | {"filters": outputs, "groups": groups}
    network.put(f"{kind}{rank}D", layer["path"], config, [kernel, *_take_biases(network, layer)])


def _put_padding(network: KerasBuilder, layer: LayerFields, shape: WindowGeometry) -> str:
    """Return Keras's word for the padding; what has none becomes a ZeroPadding before it."""
    if not any(map(any, shape.padding)):
        return "valid"
    if shape.padding == shape.same:
        return "same"
    _put_sides(network, layer, "ZeroPadding", "padding", shape.padding)
    return "valid"


def _put_sides(network: KerasBuilder, layer: LayerFields, kind: str, field: str, sides: Padding) -> None:
    lists = [list(side) for side in sides]
    network.put(f"{kind}{len(sides)}D", layer["path"], {field: lists if len(lists) > 1 else lists[0]})


def _add_conv_transpose(network: KerasBuilder, layer: LayerFields) -> None:
    """Append a Conv1DTranspose, Conv2DTranspose or Conv3DTranspose, and a Cropping for its padding."""
    shape, outputs, channels = read_geometry(layer), layer["features"], layer["input_shape"][0]
    rank = len(shape.window)
    if layer.get("groups", 1) != 1:
        raise _refuse(layer, "Keras has no groups there")
    config = _describe_window(layer, shape) | {"padding": "valid", "filters": outputs}
    crops = tuple(_compute_crop(layer, shape, axis) for axis in range(rank))
    weight = network.tensor(layer, "weight", (channels, outputs, *shape.window))
    kernel = KerasVariable(weight, weight.shape, (*range(2, 2 + rank), 1, 0))
    network.put(f"Conv{rank}DTranspose", layer["path"], config, [kernel, *_take_biases(network, layer)])
    if any(map(any, crops)):
        _put_sides(network, layer, "Cropping", "cropping", crops)


def _add_pool(network: KerasBuilder, layer: LayerFields) -> None:
    """Append a MaxPooling or AveragePooling over one, two or three axes."""
    shape, average = read_geometry(layer), layer["type"].startswith("Avg")
    padding, counts = shape.full_padding, average and layer.get("count_padding", True)
    if max(shape.dilation) > 1:
        raise _refuse(layer, "Keras pools without dilation")
    if counts and any(shape.overhang):
        raise _refuse(layer, "Keras cannot pool an overhang of ceil_mode: write --format onnx")
    word = "valid"
    if any(map(any, padding)):
        if counts:
            _put_sides(network, layer, "ZeroPadding", "padding", padding)
        elif padding == shape.same:
            word = "same"
        else:
            raise _refuse(layer, "Keras pools with padding 'same' or none")
    _put_pool(network, layer, shape, average, word)


def _add_adaptive_pool(network: KerasBuilder, layer: LayerFields) -> None:
    """Append the ordinary pooling that an adaptive one is where its size divides the input's."""
    shape = divide_evenly(layer)
    if shape is None:
        raise _refuse(layer, "Keras pools only where the output's size divides the input's")
    _put_pool(network, layer, shape, layer["type"].startswith("AdaptiveAvg"), "valid")


def _add_global_pool(network: KerasBuilder, layer: LayerFields) -> None:
    """Append a GlobalAveragePooling or GlobalMaxPooling."""
    kind = "Average" if layer["type"].startswith("GlobalAvg") else "Max"
    config = {"keepdims": True} if layer.get("keepdims", False) else {}
    network.put(f"Global{kind}Pooling{count_spatial_axes(layer)}D", layer["path"], config)


def _put_pool(network: KerasBuilder, layer: LayerFields, shape: WindowGeometry, average: bool, word: str) -> None:
    kind = f"{'Average' if average else 'Max'}Pooling{len(shape.window)}D"
    one = len(shape.window) == 1
    sizes = {"pool_size": shape.window, "strides": shape.stride}
    config: dict[str, Any] = {name: size[0] if one else list(size) for name, size in sizes.items()}
    network.put(kind, layer["path"], config | {"padding": word})


def uses_bias(layer: LayerFields) -> bool:
    """Return whether a layer has a bias."""
    return bool(layer.get("bias", True))


def _take_biases(network: KerasBuilder, layer: LayerFields) -> list[KerasVariable]:
    outputs = layer["features"]
    return [KerasVariable(network.tensor(layer, "bias", (outputs,)), (outputs,), (0,))] if uses_bias(layer) else []


def _describe_window(layer: LayerFields, shape: WindowGeometry) -> dict[str, Any]:
    if max(shape.stride) > 1 and max(shape.dilation) > 1:
        raise _refuse(layer, "Keras has no stride together with dilation")
    return {
        "kernel_size": list(shape.window),
        "strides": list(shape.stride),
        "dilation_rate": list(shape.dilation),
        "use_bias": uses_bias(layer),
    }


def _refuse(layer: LayerFields, problem: str) -> ExportError:
    return ExportError(f"layer {layer['path']} ({layer['type']}): {problem}")


def _compute_crop(layer: LayerFields, shape: WindowGeometry, axis: int) -> Pair:
    """Return the pixels to crop at both ends from Keras's transposed convolution without padding."""
    extent = shape.dilation[axis] * (shape.window[axis] - 1) + 1
    made = layer["input_shape"][1 + axis] * shape.stride[axis] + max(extent - shape.stride[axis], 0)
    begin = shape.padding[axis][0]
    end = made - begin - layer["output_shape"][1 + axis]
    if end < 0:
        more = as_sizes(layer.get("output_padding", 0), len(shape.window))[axis]
        raise _refuse(layer, f"Keras makes {-end} pixels less than output_padding={more} asks for")
    return begin, end


_FAMILIES: dict[str, Callable[[KerasBuilder, LayerFields], None]] = {
    "Conv": _add_conv,
    "ConvTranspose": _add_conv_transpose,
    "MaxPool": _add_pool,
    "AvgPool": _add_pool,
    "GlobalAvgPool": _add_global_pool,
    "GlobalMaxPool": _add_global_pool,
    "AdaptiveAvgPool": _add_adaptive_pool,
    "AdaptiveMaxPool": _add_adaptive_pool,
}
WINDOWS = {family + rank: add for family, add in _FAMILIES.items() for rank in ("1D", "2D", "3D")}
