"""Converts layers of the architecture to Keras's: class, configuration, rearranged variables."""

from collections.abc import Callable, Mapping
from typing import Any

from cnnkit.errors import ExportError
from cnnkit.exporters.core.architecture import LayerFields, layer_faults
from cnnkit.exporters.keras.keras_layer import KerasVariable
from cnnkit.exporters.keras.sequential import SequentialBuilder
from cnnkit.exporters.keras.window_layers import add_conv, add_conv_transpose, add_pool, uses_bias
from cnnkit.files.names import printable


def add_layer(network: SequentialBuilder, layer: LayerFields) -> None:
    """Append one layer of the architecture. Raises ExportError for what a Sequential cannot express."""
    kind, path = layer.get("type"), layer.get("path")
    if kind not in _LAYERS:
        branches = "a keras.Sequential has no branches: write --format onnx"
        problem = branches if kind in ("Residual", "Branches") else "cnnkit does not convert it to Keras"
        raise ExportError(f"layer {path} ({printable(str(kind))}): {problem}")
    with layer_faults(layer):
        _LAYERS[kind](network, layer)


def _add_dense(network: SequentialBuilder, layer: LayerFields) -> None:
    outputs = layer["features"]
    weight = network.tensor(layer, "weight", (outputs, layer["input_shape"][0]))
    variables = [KerasVariable(weight, weight.shape, (1, 0), network.row)]
    if uses_bias(layer):
        variables.append(KerasVariable(network.tensor(layer, "bias", (outputs,)), (outputs,), (0,)))
    network.row = None
    network.put("Dense", layer["path"], {"units": outputs, "use_bias": uses_bias(layer)}, variables)


def _add_reshape(network: SequentialBuilder, layer: LayerFields) -> None:
    before, after, path = tuple(layer["input_shape"]), tuple(layer["output_shape"]), layer["path"]
    if before == after:
        return
    if len(after) == 1 and len(before) == 3:
        network.put("Flatten", path, {})
        network.row = before
        return
    if len(before) == 3 or network.row is not None:
        network.put_channels_first(path, network.row or before)
    network.put("Reshape", path, {"target_shape": list(after)})
    if len(after) == 3:
        network.put("Permute", path, {"dims": [2, 3, 1]})


def _add_batch_norm(network: SequentialBuilder, layer: LayerFields) -> None:
    shape = (layer["input_shape"][0],)
    names = ("gamma", "beta", "mean", "variance")
    variables = [KerasVariable(network.tensor(layer, name, shape), shape, (0,), network.row) for name in names]
    config = {"axis": -1, "epsilon": layer.get("epsilon", 1e-5), "momentum": 1 - layer.get("momentum", 0.1)}
    network.put("BatchNormalization", layer["path"], config, variables)


def _add_layer_norm(network: SequentialBuilder, layer: LayerFields) -> None:
    shape = tuple(layer["input_shape"])
    order = (1, 2, 0) if len(shape) == 3 else tuple(range(len(shape)))
    variables = [KerasVariable(network.tensor(layer, n, shape), shape, order, network.row) for n in ("gamma", "beta")]
    config = {"axis": list(range(1, len(shape) + 1)), "epsilon": layer.get("epsilon", 1e-5)}
    network.put("LayerNormalization", layer["path"], config, variables)


def _add_softmax(network: SequentialBuilder, layer: LayerFields) -> None:
    network.put("Softmax", layer["path"], {"axis": 1 if len(layer["input_shape"]) == 2 else -1})


def _add_gelu(network: SequentialBuilder, layer: LayerFields) -> None:
    if layer.get("approximate", "none") != "none":
        raise ExportError(f"layer {layer['path']} (GELU): Keras's activation 'gelu' is the one by erf")
    network.put("Activation", layer["path"], {"activation": "gelu"})


def _add_sequential(network: SequentialBuilder, layer: LayerFields) -> None:
    for inner in layer["layers"]:
        add_layer(network, inner)


def _add_plain(kind: str, **config: Any) -> Callable[[SequentialBuilder, LayerFields], None]:
    """Return a function that appends a layer without variables."""
    return lambda network, layer: network.put(kind, layer["path"], config)


def _add_dropout(network: SequentialBuilder, layer: LayerFields) -> None:
    network.put("Dropout", layer["path"], {"rate": layer.get("rate", 0.5)})


def _add_leaky_relu(network: SequentialBuilder, layer: LayerFields) -> None:
    network.put("LeakyReLU", layer["path"], {"negative_slope": layer.get("slope", 0.01)})


_LAYERS: Mapping[Any, Callable[[SequentialBuilder, LayerFields], None]] = {
    "Conv2D": add_conv, "ConvTranspose2D": add_conv_transpose, "Dense": _add_dense,
    "MaxPool2D": add_pool, "AvgPool2D": add_pool,
    "GlobalAvgPool2D": _add_plain("GlobalAveragePooling2D"), "Flatten": _add_reshape, "Reshape": _add_reshape,
    "Dropout": _add_dropout, "BatchNorm": _add_batch_norm, "LayerNorm": _add_layer_norm,
    "ReLU": _add_plain("ReLU"), "LeakyReLU": _add_leaky_relu, "Sigmoid": _add_plain("Activation", activation="sigmoid"),
    "Tanh": _add_plain("Activation", activation="tanh"), "GELU": _add_gelu, "Softmax": _add_softmax,
    "Sequential": _add_sequential,
}  # fmt: skip
