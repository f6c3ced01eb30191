"""Normalising layers as Keras layers."""

from collections.abc import Mapping, Sequence
from typing import Any

from cnnkit.exporters.core.architecture import LayerFields
from cnnkit.exporters.keras.activation_layers import AddLayer, refuse
from cnnkit.exporters.keras.axis_order import KerasOrder
from cnnkit.exporters.keras.builder import KerasBuilder
from cnnkit.exporters.keras.keras_layer import KerasVariable

_FIELDS = {"gamma": "scale", "beta": "shift"}


def _add_batch_norm(network: KerasBuilder, layer: LayerFields) -> None:
    axis, trained = KerasOrder(layer).axes((1,)), _list_trained(layer)
    config = {"axis": axis[0], "epsilon": _read_epsilon(layer), "momentum": 1 - layer.get("momentum", 0.1)}
    variables = _take(network, layer, (*trained, "mean", "variance"), (1,))
    network.put("BatchNormalization", layer["path"], config | _describe_trained(trained), variables)


def _add_layer_norm(network: KerasBuilder, layer: LayerFields) -> None:
    whole, trained = tuple(range(1, 1 + len(layer["input_shape"]))), _list_trained(layer)
    _add_over_last(network, layer, "LayerNormalization", whole, trained, _describe_trained(trained))


def _add_rms_norm(network: KerasBuilder, layer: LayerFields) -> None:
    if not layer.get("scale", True):
        refuse("Keras's RMSNormalization always has a scale")(network, layer)
    _add_over_last(network, layer, "RMSNormalization", (1,), ["gamma"], {})


def _add_over_last(
    network: KerasBuilder,
    layer: LayerFields,
    kind: str,
    default: Sequence[int],
    names: Sequence[str],
    config: Mapping[str, Any],
) -> None:
    """Append a layer over the last axes in Keras; where they are the last ones here, between a turn and another back.

    Raises ExportError for other axes: over those some of Keras's backends fail.
    """
    order, path = KerasOrder(layer), layer["path"]
    axes, own, last = order.axes(default), order.own_axes(default), order.last
    described = {"axis": list(range(1 + last - len(axes), 1 + last)), "epsilon": _read_epsilon(layer)} | dict(config)
    variables = _take(network, layer, names, default)
    if axes == described["axis"]:
        network.put(kind, path, described, variables)
        return
    if own != described["axis"]:
        refuse("Keras normalises its last axes, of images height, width, channels")(network, layer)
    network.put("Permute", path, {"dims": [last, *range(1, last)]})
    straight = [KerasVariable(variable.tensor, variable.split, tuple(range(len(own)))) for variable in variables]
    network.put(kind, path, described, straight)
    network.put("Permute", path, {"dims": [*range(2, 1 + last), 1]})


def _add_groups(network: KerasBuilder, layer: LayerFields) -> None:
    if network.row is not None:
        refuse("the groups of a flattened image lie apart in Keras")(network, layer)
    trained, channels = _list_trained(layer), layer["input_shape"][0]
    groups = layer["groups"] if layer["type"] == "GroupNorm" else channels
    config = {"groups": groups, "axis": KerasOrder(layer).axes((1,))[0], "epsilon": _read_epsilon(layer)}
    variables = _take(network, layer, trained, (1,))
    network.put("GroupNormalization", layer["path"], config | _describe_trained(trained), variables)


def _read_epsilon(layer: LayerFields) -> Any:
    return layer.get("epsilon", 1e-5)


def _list_trained(layer: LayerFields) -> list[str]:
    return [name for name, field in _FIELDS.items() if layer.get(field, True)]


def _describe_trained(trained: Sequence[str]) -> dict[str, bool]:
    return {"scale": "gamma" in trained, "center": "beta" in trained}


def _take(
    network: KerasBuilder, layer: LayerFields, names: Sequence[str], default: Sequence[int]
) -> list[KerasVariable]:
    """Return variables with the lengths of the layer's field `axes`, or of these axes by default."""
    order = KerasOrder(layer)
    shape = tuple(layer["input_shape"][axis - 1] for axis in order.own_axes(default))
    turned = order.rearrange(default)
    return [KerasVariable(network.tensor(layer, name, shape), shape, turned, network.row) for name in names]


NORMALISATION: Mapping[str, AddLayer] = {
    "BatchNorm": _add_batch_norm, "LayerNorm": _add_layer_norm, "GroupNorm": _add_groups, "InstanceNorm": _add_groups,
    "RMSNorm": _add_rms_norm,
}  # fmt: skip
