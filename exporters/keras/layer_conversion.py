"""Converts layers of the architecture to Keras's: class, configuration, rearranged variables."""

from collections.abc import Mapping
from typing import Any

from cnnkit.errors import ExportError
from cnnkit.exporters.core.architecture import LayerFields, layer_faults
from cnnkit.exporters.core.wiring import WiredLayer, Wiring, follow, wire
from cnnkit.exporters.keras.activation_layers import ACTIVATIONS, AddLayer
from cnnkit.exporters.keras.builder import KerasBuilder
from cnnkit.exporters.keras.joins import JOINS, Adder, Values, join_results, straighten
from cnnkit.exporters.keras.keras_layer import KerasVariable
from cnnkit.exporters.keras.normalising_layers import NORMALISATION
from cnnkit.exporters.keras.shaping_layers import SHAPING
from cnnkit.exporters.keras.window_layers import WINDOWS, uses_bias
from cnnkit.files.names import printable


def add_network(network: KerasBuilder, wiring: Wiring, values: Values) -> Values:
    """Append all layers, given the values of the inputs; return those of the outputs. Raises as `add_layer`."""
    shared = {layer.shares for layer in wiring.layers} - {None}

    def write(layer: WiredLayer, taken: Values) -> Values:
        path = str(layer.fields.get("path"))
        with network.sharing(path, layer.shares):
            if layer.shares is not None or path in shared:  # its weights have one order for all uses
                taken = straighten(network, path, taken)
            return add_layer(network, layer.fields, taken)

    return follow(wiring, values, write)


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
    outputs, axes = layer["features"], len(layer["input_shape"])
    weight = network.tensor(layer, "weight", (outputs, layer["input_shape"][-1]))
    variables = [KerasVariable(weight, weight.shape, (1, 0), network.row)]
    if uses_bias(layer):
        variables.append(KerasVariable(network.tensor(layer, "bias", (outputs,)), (outputs,), (0,)))
    network.row = None
    if axes > 1:  # along the last axis, which is not Keras's
        network.put("Permute", layer["path"], {"dims": [axes, *range(1, axes)]})
    network.put("Dense", layer["path"], {"units": outputs, "use_bias": uses_bias(layer)}, variables)
    if axes > 1:
        network.put("Permute", layer["path"], {"dims": [*range(2, 1 + axes), 1]})


def _add_reshape(network: KerasBuilder, layer: LayerFields) -> None:
    before, after, path = tuple(layer["input_shape"]), tuple(layer["output_shape"]), layer["path"]
    if before == after:
        return
    if len(after) == 1 and len(before) > 1:
        network.put("Flatten", path, {})
        network.row = before
        return
    if len(before) > 1 or network.row is not None:
        network.put_channels_first(path, network.row or before)
    network.put("Reshape", path, {"target_shape": list(after)})
    if len(after) > 1:
        network.put("Permute", path, {"dims": [*range(2, 1 + len(after)), 1]})


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


def _add_dropout(network: KerasBuilder, layer: LayerFields) -> None:
    network.put("Dropout", layer["path"], {"rate": layer.get("rate", 0.5)})


def _add_spatial_dropout(network: KerasBuilder, layer: LayerFields) -> None:
    rank = len(layer["input_shape"]) - 1
    kind = f"SpatialDropout{rank}D" if 1 <= rank <= 3 else "Dropout"  # both do nothing but in a training
    network.put(kind, layer["path"], {"rate": layer.get("rate", 0.5)})


_LAYERS: Mapping[Any, AddLayer] = {
    **WINDOWS, "Dense": _add_dense, "Flatten": _add_reshape, "Reshape": _add_reshape,
    "Dropout": _add_dropout, "SpatialDropout": _add_spatial_dropout,
    **NORMALISATION, **ACTIVATIONS, **SHAPING,
}  # fmt: skip
_WIDE: Mapping[Any, Adder] = {
    **JOINS,
    "Sequential": _add_network, "Graph": _add_network, "Residual": _add_residual, "Branches": _add_branches,
}  # fmt: skip
CONVERTED = frozenset((*_LAYERS, *_WIDE))
