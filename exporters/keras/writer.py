"""Writes Keras 3 weights (`.weights.h5`) for the equivalent keras.Sequential, channels last."""

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cnnkit.errors import ExportError
from cnnkit.exporters.core.architecture import input_shape, require_layers
from cnnkit.exporters.core.claims import require_float_type, select_network_tensors
from cnnkit.exporters.core.format import changed_value
from cnnkit.exporters.core.keras_config import to_snake_case
from cnnkit.exporters.core.weight_file import WeightFile, sha256
from cnnkit.exporters.keras.keras_layer import KerasLayer
from cnnkit.exporters.keras.layer_conversion import add_layer
from cnnkit.exporters.keras.sequential import SequentialBuilder
from cnnkit.files.hdf5.library import load_h5py, new_group

CONFIG = "sequential_config"
LONGEST_OLD_ATTRIBUTE = 60_000  # bytes; HDF5 allows 64 KiB including its own header


def convert_layers(weights: WeightFile) -> list[KerasLayer]:
    """Return the layers of the Sequential. Raises ExportError for what it cannot express."""
    if weights.architecture is None:
        raise ExportError("Keras's layouts depend on the layers: these weights come without an architecture")
    tensors = select_network_tensors(weights)
    require_float_type(tensors, "Keras")
    network = SequentialBuilder({tensor.name: tensor for tensor in tensors})
    for layer in require_layers(weights.architecture):
        add_layer(network, layer)
    return network.finish()


def describe_sequential(weights: WeightFile, layers: list[KerasLayer]) -> dict[str, Any]:
    """Return the configuration from which `keras.Sequential.from_config` builds the network."""
    shape = list(input_shape(weights.architecture) or ())
    if not shape:
        raise ExportError("architecture: input_shape is missing")
    shape = [*shape[1:], shape[0]] if len(shape) == 3 else shape
    dtype = require_float_type(select_network_tensors(weights), "Keras")
    entries = [
        {"module": "keras.layers", "class_name": layer.kind, "config": layer.config | {"dtype": dtype}}
        for layer in layers
    ]
    first = {"batch_shape": [None, *shape], "dtype": dtype, "name": "input"}
    entries.insert(0, {"module": "keras.layers", "class_name": "InputLayer", "config": first})
    return {"name": "network", "layers": entries}


def write_keras(weights: WeightFile, path: Path) -> None:
    """Write `weights` to `path`; the same weights give the same bytes. Raises ExportError as `keras_layers`."""
    layers = convert_layers(weights)
    h5py, image, config = load_h5py(), io.BytesIO(), json.dumps(describe_sequential(weights, layers))
    # Other readers (Netron's) only know the older form, which cannot hold a long attribute.
    oldest = "earliest" if len(config) <= LONGEST_OLD_ATTRIBUTE else "v110"
    with h5py.File(image, "w", libver=(oldest, "v110"), track_order=False) as file:
        file.attrs[CONFIG] = config
        new_group(file, "vars").attrs["name"] = "network"
        parent = new_group(file, "layers")
        for name, layer in _number_layers(layers):
            group = new_group(new_group(parent, name), "vars")
            group.attrs["name"] = layer.config["name"]
            for index, variable in enumerate(layer.variables):
                values = variable.values()
                group.create_dataset(str(index), data=values.astype(values.dtype.newbyteorder("<"), copy=False))
    path.write_bytes(image.getbuffer())


def require_same(weights: WeightFile, written: WeightFile) -> None:
    """Compare the written variables with `weights`. Raises ExportError for the first that differs."""
    by_place = {place: written[name] for name, place in written.metadata["keras"]["paths"].items()}
    for name, layer in _number_layers(convert_layers(weights)):
        for index, variable in enumerate(layer.variables):
            copy = by_place.pop(f"/layers/{name}/vars/{index}", None)
            if copy is None or sha256(copy.read()) != sha256(variable.values()):
                raise changed_value(variable.tensor.kind, variable.tensor.name)
    if by_place:
        raise ExportError(f"{next(iter(by_place))} was written but not asked for; nothing was saved")


def _number_layers(layers: list[KerasLayer]) -> Iterator[tuple[str, KerasLayer]]:
    """Yield each layer with its name in the file: its class in snake case, numbered by occurrence."""
    used: dict[str, int] = {}
    for layer in layers:
        kind = to_snake_case(layer.kind)
        count = used[kind] = used.get(kind, -1) + 1
        yield f"{kind}_{count}" if count else kind, layer
