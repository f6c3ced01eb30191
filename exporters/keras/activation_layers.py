"""Activations as Keras layers."""

from collections.abc import Callable, Mapping
from typing import Any

from cnnkit.errors import ExportError
from cnnkit.exporters.core.architecture import LayerFields
from cnnkit.exporters.keras.axis_order import KerasOrder
from cnnkit.exporters.keras.builder import KerasBuilder
from cnnkit.exporters.keras.keras_layer import KerasVariable

AddLayer = Callable[[KerasBuilder, LayerFields], None]


def add_plain(kind: str, **config: Any) -> AddLayer:
    """Return a function that appends a layer without variables."""
    return lambda network, layer: network.put(kind, layer["path"], config)


def refuse(problem: str) -> AddLayer:
    """Return a function that raises ExportError: Keras has no such layer."""

    def add(_: KerasBuilder, layer: LayerFields) -> None:
        raise ExportError(f"layer {layer['path']} ({layer['type']}): {problem}")

    return add


def _add_activation(name: str, usual: Mapping[str, Any] | None = None) -> AddLayer:
    """Return what appends Keras's activation `name`, which exists for these values of the layer's fields only."""

    def add(network: KerasBuilder, layer: LayerFields) -> None:
        for field, value in (usual or {}).items():
            if layer.get(field, value) != value:
                refuse(f"Keras's activation '{name}' has {field} = {value}")(network, layer)
        network.put("Activation", layer["path"], {"activation": name})

    return add


def _add_scaled(kind: str, theirs: str, ours: str, default: float) -> AddLayer:
    """Return what appends a layer with one number, which the two programs call differently."""
    return lambda network, layer: network.put(kind, layer["path"], {theirs: layer.get(ours, default)})


def _add_gelu(network: KerasBuilder, layer: LayerFields) -> None:
    if layer.get("approximate", "none") != "none":
        refuse("Keras's activation 'gelu' is the one by erf")(network, layer)
    network.put("Activation", layer["path"], {"activation": "gelu"})


def _add_clip(network: KerasBuilder, layer: LayerFields) -> None:
    if layer.get("low") != 0:
        refuse("Keras clips from 0 on only: low = 0")(network, layer)
    network.put("ReLU", layer["path"], {"max_value": layer.get("high")})


def _add_softmax(network: KerasBuilder, layer: LayerFields) -> None:
    axes = KerasOrder(layer).axes((1,))
    network.put("Softmax", layer["path"], {"axis": axes[0] if len(axes) == 1 else axes})


def _add_log_softmax(network: KerasBuilder, layer: LayerFields) -> None:
    order = KerasOrder(layer)
    if order.axes((1,)) != [order.last]:
        last = "1, the channels" if order.image else "the last one"
        refuse(f"Keras's activation 'log_softmax' is along its last axis: here axes = {last}")(network, layer)
    network.put("Activation", layer["path"], {"activation": "log_softmax"})


def _add_prelu(network: KerasBuilder, layer: LayerFields) -> None:
    order = KerasOrder(layer)
    axes, shape = order.axes((1,)), order.shape
    weight = network.tensor(layer, "weight", [layer["input_shape"][axis - 1] for axis in order.own_axes((1,))] or [1])
    split = [length if axis in order.own_axes((1,)) else 1 for axis, length in enumerate(layer["input_shape"], 1)]
    rows = network.row if axes else None
    variable = KerasVariable(weight, tuple(split), tuple(axis - 1 for axis in order.sources), rows)
    shared = [axis for axis in range(1, len(shape) + 1) if axis not in axes]
    network.put("PReLU", layer["path"], {"shared_axes": shared or None}, [variable])


ACTIVATIONS: Mapping[str, AddLayer] = {
    "ReLU": add_plain("ReLU"), "LeakyReLU": _add_scaled("LeakyReLU", "negative_slope", "slope", 0.01),
    "PReLU": _add_prelu, "ReLU6": add_plain("ReLU", max_value=6.0), "Clip": _add_clip,
    "ThresholdedReLU": _add_scaled("ReLU", "threshold", "threshold", 1.0),
    "Sigmoid": _add_activation("sigmoid"), "Tanh": _add_activation("tanh"), "GELU": _add_gelu,
    "SiLU": _add_activation("silu"), "Mish": _add_activation("mish"), "ELU": _add_scaled("ELU", "alpha", "alpha", 1.0),
    "SELU": _add_activation("selu"), "CELU": _add_activation("celu", {"alpha": 1.0}),
    "Softplus": _add_activation("softplus"), "Softsign": _add_activation("softsign"),
    "Hardsigmoid": _add_activation("hard_sigmoid", {"slope": 1 / 6, "shift": 0.5}),
    "Hardswish": _add_activation("hard_silu"), "Softmax": _add_softmax, "LogSoftmax": _add_log_softmax,
    "Exp": _add_activation("exponential"),
}  # fmt: skip
