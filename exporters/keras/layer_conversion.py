"""Converts layers of the architecture to Keras's: class, configuration, rearranged variables."""

from collections.abc import Callable, Mapping
from typing import Any

from cnnkit.errors import ExportError
from cnnkit.exporters.core.architecture import LayerFields, layer_faults
from cnnkit.exporters.core.wiring import Source, Wiring, wire
from cnnkit.exporters.keras.builder import KerasBuilder, KerasValue
from cnnkit.exporters.keras.joins import JOINS, Adder, Values, join_results, straighten
from cnnkit.exporters.keras.keras_layer import KerasVariable
from cnnkit.exporters.keras.window_layers import add_conv, add_conv_transpose, add_pool, uses_bias
from cnnkit.files.names import format_count, printable


def add_network(network: KerasBuilder, wiring: Wiring, values: Values) -> Values:
    """Append all layers, given the values of the inputs; return those of the outputs. Raises as `add_layer`."""
    if not wiring.output_names:  # a sequence hands on all that a layer gives
        for layer in wiring.layers:
            values = add_layer(network, layer.fields, values)
        return values
    if len(values) != len(wiring.inputs):
        raise ExportError(f"a Graph of the architecture expects {len(wiring.inputs)} inputs, got {len(values)}")
    results: dict[str, Values] = {name: (value,) for name, value in zip(wiring.inputs, values, strict=True)}
    shared = {layer.shares for layer in wiring.layers}
    for layer in wiring.layers:
        path, taken = layer.fields["path"], tuple(_take(results, source) for source in layer.inputs)
        with network.sharing(path, layer.shares):
            if layer.shares is not None or path in shared:  # its weights have one order for all uses
                taken = straighten(network, path, taken)
            results[layer.name] = add_layer(network, layer.fields, taken)
    return tuple(_take(results, source) for source in wiring.outputs)


def _take(results: Mapping[str, Values], source: Source) -> KerasValue:
    if source.output >= len(results[source.name]):
        has = format_count(len(results[source.name]), "output")
        raise ExportError(f"layer {printable(source.name)} has {has}: there is no output {source.output}")
    return results[source.name][source.output]


def add_layer(network: KerasBuilder, layer: LayerFields, values: Values) -> Values:
    """Append one layer of the architecture; return what it gives. Raises ExportError for what Keras cannot express."""
    kind = layer.get("type")
    with layer_faults(layer):
        if kind in _WIDE:
            return _WIDE[kind](network, layer, values)
        if kind in _LAYERS:
            (network.value,) = values
            _LAYERS[kind](network, layer)
            return (network.value,)
    where = f"layer {printable(str(layer.get('path')))} ({printable(str(kind))})"
    raise ExportError(f"{where}: cnnkit does not convert it to Keras: write --format onnx")


def _add_dense(network: KerasBuilder, layer: LayerFields) -> None:
    outputs = layer["features"]
    weight = network.tensor(layer, "weight", (outputs, layer["input_shape"][0]))
    variables = [KerasVariable(weight, weight.shape, (1, 0), network.row)]
    if uses_bias(layer):
        variables.append(KerasVariable(network.tensor(layer, "bias", (outputs,)), (outputs,), (0,)))
    network.row = None
    network.put("Dense", layer["path"], {"units": outputs, "use_bias": uses_bias(layer)}, variables)


def _add_reshape(network: KerasBuilder, layer: LayerFields) -> None:
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


def _add_batch_norm(network: KerasBuilder, layer: LayerFields) -> None:
    shape = (layer["input_shape"][0],)
    names = ("gamma", "beta", "mean", "variance")
    variables = [KerasVariable(network.tensor(layer, name, shape), shape, (0,), network.row) for name in names]
    config = {"axis": -1, "epsilon": layer.get("epsilon", 1e-5), "momentum": 1 - layer.get("momentum", 0.1)}
    network.put("BatchNormalization", layer["path"], config, variables)


def _add_layer_norm(network: KerasBuilder, layer: LayerFields) -> None:
    shape = tuple(layer["input_shape"])
    order = (1, 2, 0) if len(shape) == 3 else tuple(range(len(shape)))
    variables = [KerasVariable(network.tensor(layer, n, shape), shape, order, network.row) for n in ("gamma", "beta")]
    config = {"axis": list(range(1, len(shape) + 1)), "epsilon": layer.get("epsilon", 1e-5)}
    network.put("LayerNormalization", layer["path"], config, variables)


def _add_softmax(network: KerasBuilder, layer: LayerFields) -> None:
    network.put("Softmax", layer["path"], {"axis": 1 if len(layer["input_shape"]) == 2 else -1})


def _add_gelu(network: KerasBuilder, layer: LayerFields) -> None:
    if layer.get("approximate", "none") != "none":
        raise ExportError(f"layer {layer['path']} (GELU): Keras's activation 'gelu' is the one by erf")
    network.put("Activation", layer["path"], {"activation": "gelu"})


def _add_network(network: KerasBuilder, layer: LayerFields, values: Values) -> Values:
    return add_network(network, wire(layer), values)


def _add_residual(network: KerasBuilder, layer: LayerFields, values: Values) -> Values:
    body, shortcut = add_layer(network, layer["body"], values), layer.get("shortcut")
    around = values if shortcut is None else add_layer(network, shortcut, values)
    return join_results(network, "Add", layer["path"], (*body, *around))


def _add_branches(network: KerasBuilder, layer: LayerFields, values: Values) -> Values:
    results = [value for branch in layer["branches"] for value in add_layer(network, branch, values)]
    if len(results) == 1:
        return tuple(results)
    kind = "Concatenate" if layer.get("join", "concatenate") == "concatenate" else "Add"
    return join_results(network, kind, layer["path"], tuple(results))


def _add_plain(kind: str, **config: Any) -> Callable[[KerasBuilder, LayerFields], None]:
    """Return a function that appends a layer without variables."""
    return lambda network, layer: network.put(kind, layer["path"], config)


def _add_dropout(network: KerasBuilder, layer: LayerFields) -> None:
    network.put("Dropout", layer["path"], {"rate": layer.get("rate", 0.5)})


def _add_leaky_relu(network: KerasBuilder, layer: LayerFields) -> None:
    network.put("LeakyReLU", layer["path"], {"negative_slope": layer.get("slope", 0.01)})


_LAYERS: Mapping[Any, Callable[[KerasBuilder, LayerFields], None]] = {
    "Conv2D": add_conv, "ConvTranspose2D": add_conv_transpose, "Dense": _add_dense,
    "MaxPool2D": add_pool, "AvgPool2D": add_pool,
    "GlobalAvgPool2D": _add_plain("GlobalAveragePooling2D"), "Flatten": _add_reshape, "Reshape": _add_reshape,
    "Dropout": _add_dropout, "BatchNorm": _add_batch_norm, "LayerNorm": _add_layer_norm,
    "ReLU": _add_plain("ReLU"), "LeakyReLU": _add_leaky_relu, "Sigmoid": _add_plain("Activation", activation="sigmoid"),
    "Tanh": _add_plain("Activation", activation="tanh"), "GELU": _add_gelu, "Softmax": _add_softmax,
}  # fmt: skip
_WIDE: Mapping[Any, Adder] = {
    **JOINS,
    "Sequential": _add_network, "Graph": _add_network, "Residual": _add_residual, "Branches": _add_branches,
}  # fmt: skip
CONVERTED = frozenset((*_LAYERS, *_WIDE))
