"""Writes Keras 3 weights (`.weights.h5`) for the equivalent keras.Sequential or functional model, channels last."""

import io
import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cnnkit.errors import ExportError
from cnnkit.exporters.core.architecture import require_layers, shapes_of
from cnnkit.exporters.core.claims import require_float_type, select_network_tensors
from cnnkit.exporters.core.format import changed_value
from cnnkit.exporters.core.keras_config import to_snake_case
from cnnkit.exporters.core.weight_file import WeightFile, sha256
from cnnkit.exporters.core.wiring import number_names, wire
from cnnkit.exporters.keras.builder import KerasBuilder
from cnnkit.exporters.keras.keras_layer import KerasLayer, KerasPlace
from cnnkit.exporters.keras.layer_conversion import add_network
from cnnkit.exporters.keras.layer_order import order_layers
from cnnkit.files.hdf5.library import load_h5py, new_group

LONGEST_OLD_ATTRIBUTE = 60_000  # bytes; HDF5 allows 64 KiB including its own header


@dataclass(frozen=True)
class KerasNetwork:
    """The layers in the order in which Keras numbers them, and the values that come out."""

    layers: tuple[KerasLayer, ...]
    outputs: tuple[KerasPlace, ...]

    @property
    def inputs(self) -> tuple[KerasLayer, ...]:
        """The layers that stand for the inputs, in order."""
        return tuple(layer for layer in self.layers if layer.kind == "InputLayer")

    @property
    def is_chain(self) -> bool:
        """Whether every layer takes what the one before gives: a keras.Sequential."""
        chained = all(b.calls == [(KerasPlace(a.name),)] for a, b in itertools.pairwise(self.layers))
        return chained and self.outputs == (KerasPlace(self.layers[-1].name),)


def convert_network(weights: WeightFile) -> KerasNetwork:
    """Return the network as Keras layers. Raises ExportError for what Keras cannot express."""
    if weights.architecture is None:
        raise ExportError("Keras's layouts depend on the layers: these weights come without an architecture")
    tensors = select_network_tensors(weights)
    dtype = require_float_type(tensors, "Keras")
    network = KerasBuilder({tensor.name: tensor for tensor in tensors})
    require_layers(weights.architecture)
    wiring, shapes = wire(weights.architecture), shapes_of(weights.architecture.get("input_shape"))
    names = wiring.inputs if wiring.output_names or len(shapes) == 1 else number_names("input", len(shapes))
    if not all(shapes) or len(shapes) != len(names):
        raise ExportError(f"architecture: input_shape: expected one for each of {len(names)} inputs, got {len(shapes)}")
    turned = [[*shape[1:], shape[0]] for shape in shapes]
    values = tuple(network.put_input(name, shape, dtype) for name, shape in zip(names, turned, strict=True))
    given = network.layers.copy()
    results = []
    for index, value in enumerate(add_network(network, wiring, values)):
        network.value = value
        network.straighten("end")
        if len(wiring.output_names) > 1:
            network.name_output(wiring.output_names[index])
        results.append(network.value.place)
    network.finish()
    made = KerasNetwork(tuple(network.layers), tuple(results))
    return made if made.is_chain else KerasNetwork(tuple(_order(given, network.layers, results)), tuple(results))


def _order(given: list[KerasLayer], layers: list[KerasLayer], outputs: list[KerasPlace]) -> list[KerasLayer]:
    """Return the layers in Keras's order, without those that lead to no output; the inputs in their own."""
    ordered = order_layers(layers, outputs)
    reached = {layer.name for layer in ordered}
    for layer in layers:
        if layer.variables and layer.name not in reached:
            raise ExportError(f"layer {layer.name}: Keras drops layers that lead to no output of the network")
    return given + [layer for layer in ordered if layer.kind != "InputLayer"]


def describe_network(weights: WeightFile, network: KerasNetwork) -> tuple[str, dict[str, Any]]:
    """Return the name and the value of the attribute with the configuration.

    `keras.Sequential.from_config` builds the network from "sequential_config", `keras.Model.from_config` from
    "functional_config".
    """
    dtype = require_float_type(select_network_tensors(weights), "Keras")
    entries: list[dict[str, Any]] = [
        {"module": "keras.layers", "class_name": layer.kind, "config": layer.config | {"dtype": dtype}}
        for layer in network.layers
    ]
    if network.is_chain:
        return "sequential_config", {"name": "network", "layers": entries}
    for entry, layer in zip(entries, network.layers, strict=True):
        calls = [[[place.layer, place.call, 0, {}] for place in places] for places in layer.calls]
        entry |= {"name": layer.name, "inbound_nodes": calls}
    inputs = [[layer.name, 0, 0] for layer in network.inputs]
    outputs = [[place.layer, place.call, 0] for place in network.outputs]
    return "functional_config", {
        "name": "network",
        "trainable": True,
        "layers": entries,
        "input_layers": inputs[0] if len(inputs) == 1 else inputs,
        "output_layers": outputs[0] if len(outputs) == 1 else outputs,
    }


def write_keras(weights: WeightFile, path: Path) -> None:
    """Write `weights` to `path`; the same weights give the same bytes. Raises as `convert_network`."""
    network = convert_network(weights)
    attribute, described = describe_network(weights, network)
    h5py, image, config = load_h5py(), io.BytesIO(), json.dumps(described)
    # Other readers (Netron's) only know the older form, which cannot hold a long attribute.
    oldest = "earliest" if len(config) <= LONGEST_OLD_ATTRIBUTE else "v110"
    with h5py.File(image, "w", libver=(oldest, "v110"), track_order=False) as file:
        file.attrs[attribute] = config
        new_group(file, "vars").attrs["name"] = "network"
        parent = new_group(file, "layers")
        for name, layer in _number_layers(network):
            group = new_group(new_group(parent, name), "vars")
            group.attrs["name"] = layer.config["name"]
            for index, variable in enumerate(layer.variables):
                values = variable.values()
                group.create_dataset(str(index), data=values.astype(values.dtype.newbyteorder("<"), copy=False))
    path.write_bytes(image.getbuffer())


def require_same(weights: WeightFile, written: WeightFile) -> None:
    """Compare the written variables with `weights`. Raises ExportError for the first that differs."""
    by_place = {place: written[name] for name, place in written.metadata["keras"]["paths"].items()}
    for name, layer in _number_layers(convert_network(weights)):
        for index, variable in enumerate(layer.variables):
            copy = by_place.pop(f"/layers/{name}/vars/{index}", None)
            if copy is None or sha256(copy.read()) != sha256(variable.values()):
                raise changed_value(variable.tensor.kind, variable.tensor.name)
    if by_place:
        raise ExportError(f"{next(iter(by_place))} was written but not asked for; nothing was saved")


def _number_layers(network: KerasNetwork) -> Iterator[tuple[str, KerasLayer]]:
    """Yield each layer but the inputs with its name in the file: its class in snake case, numbered by occurrence."""
    used: dict[str, int] = {}
    for layer in network.layers:
        if layer.kind == "InputLayer":
            continue
        kind = to_snake_case(layer.kind)
        count = used[kind] = used.get(kind, -1) + 1
        yield f"{kind}_{count}" if count else kind, layer
