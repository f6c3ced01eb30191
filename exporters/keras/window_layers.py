"""Convolutions and pooling as Keras layers; padding that Keras does not have becomes a layer of its own."""

from typing import Any

from cnnkit.errors import ExportError
from cnnkit.exporters.core.architecture import LayerFields
from cnnkit.exporters.core.layer_geometry import Padding, Pair, WindowGeometry, as_pair, read_geometry
from cnnkit.exporters.keras.builder import KerasBuilder
from cnnkit.exporters.keras.keras_layer import KerasVariable

_NONE: Padding = ((0, 0), (0, 0))


def add_conv(network: KerasBuilder, layer: LayerFields) -> None:
    """Append a Conv2D, or a DepthwiseConv2D where every channel is a group."""
    shape, groups, outputs = read_geometry(layer), layer.get("groups", 1), layer["features"]
    channels = layer["input_shape"][0]
    weight = network.tensor(layer, "weight", (outputs, channels // groups, *shape.window))
    padding = "valid" if shape.padding == _NONE else "same"
    if shape.padding not in (_NONE, shape.same):
        network.put("ZeroPadding2D", layer["path"], {"padding": _to_lists(shape.padding)})
        padding = "valid"
    config = _describe_window(layer, shape) | {"padding": padding}
    if groups == channels > 1 and shape.stride[0] == shape.stride[1]:
        multiplier = outputs // channels
        kernel = KerasVariable(weight, (channels, multiplier, *shape.window), (2, 3, 0, 1))
        kind, config = "DepthwiseConv2D", config | {"depth_multiplier": multiplier}
    else:
        kernel = KerasVariable(weight, weight.shape, (2, 3, 1, 0))
        kind, config = "Conv2D", config | {"filters": outputs, "groups": groups}
    network.put(kind, layer["path"], config, [kernel, *_take_biases(network, layer)])


def add_conv_transpose(network: KerasBuilder, layer: LayerFields) -> None:
    """Append a Conv2DTranspose, and a Cropping2D for its padding."""
    shape, outputs, channels = read_geometry(layer), layer["features"], layer["input_shape"][0]
    if layer.get("groups", 1) != 1:
        raise ExportError(f"layer {layer['path']} (ConvTranspose2D): Keras has no groups there")
    config = _describe_window(layer, shape) | {"padding": "valid", "filters": outputs}
    crops = (_compute_crop(layer, shape, 0), _compute_crop(layer, shape, 1))
    weight = network.tensor(layer, "weight", (channels, outputs, *shape.window))
    variables = [KerasVariable(weight, weight.shape, (2, 3, 1, 0)), *_take_biases(network, layer)]
    network.put("Conv2DTranspose", layer["path"], config, variables)
    if crops != _NONE:
        network.put("Cropping2D", layer["path"], {"cropping": _to_lists(crops)})


def add_pool(network: KerasBuilder, layer: LayerFields) -> None:
    """Append a MaxPooling2D or AveragePooling2D."""
    shape, average = read_geometry(layer), layer["type"] == "AvgPool2D"
    padding = "valid"
    if shape.padding != _NONE:
        if average and layer.get("count_padding", True):
            network.put("ZeroPadding2D", layer["path"], {"padding": _to_lists(shape.padding)})
        elif shape.padding == shape.same:
            padding = "same"
        else:
            raise ExportError(f"layer {layer['path']} ({layer['type']}): Keras pools with padding 'same' or none")
    config = {"pool_size": list(shape.window), "strides": list(shape.stride), "padding": padding}
    network.put("AveragePooling2D" if average else "MaxPooling2D", layer["path"], config)


def uses_bias(layer: LayerFields) -> bool:
    """Return whether a layer has a bias."""
    return bool(layer.get("bias", True))


def _take_biases(network: KerasBuilder, layer: LayerFields) -> list[KerasVariable]:
    outputs = layer["features"]
    return [KerasVariable(network.tensor(layer, "bias", (outputs,)), (outputs,), (0,))] if uses_bias(layer) else []


def _describe_window(layer: LayerFields, shape: WindowGeometry) -> dict[str, Any]:
    if max(shape.stride) > 1 and max(shape.dilation) > 1:
        raise ExportError(f"layer {layer['path']} ({layer['type']}): Keras has no stride together with dilation")
    return {
        "kernel_size": list(shape.window),
        "strides": list(shape.stride),
        "dilation_rate": list(shape.dilation),
        "use_bias": uses_bias(layer),
    }


def _to_lists(padding: Padding) -> list[list[int]]:
    return [list(side) for side in padding]


def _compute_crop(layer: LayerFields, shape: WindowGeometry, axis: int) -> Pair:
    """Return the pixels to crop at both ends from Keras's transposed convolution without padding."""
    extent = shape.dilation[axis] * (shape.window[axis] - 1) + 1
    made = layer["input_shape"][1 + axis] * shape.stride[axis] + max(extent - shape.stride[axis], 0)
    begin = shape.padding[axis][0]
    end = made - begin - layer["output_shape"][1 + axis]
    if end < 0:
        more = as_pair(layer.get("output_padding", 0))[axis]
        problem = f"Keras makes {-end} pixels less than output_padding={more} asks for"
        raise ExportError(f"layer {layer['path']} (ConvTranspose2D): {problem}")
    return begin, end
