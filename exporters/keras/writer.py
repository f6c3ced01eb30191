"""Writes Keras 3 weights (`.weights.h5`) for the keras.Sequential that is the same network, channels last."""

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cnnkit.errors import ExportError
from cnnkit.exporters.core.claims import float_type, network_tensors
from cnnkit.exporters.core.weight_file import WeightFile, sha256
from cnnkit.exporters.keras.config import snake_case
from cnnkit.exporters.keras.keras_layer import KerasLayer
from cnnkit.exporters.keras.layer_conversion import add
from cnnkit.exporters.keras.sequential import Network
from cnnkit.files.hdf5_library import load_h5py, new_group

CONFIG = "sequential_config"
LONGEST_OLD_ATTRIBUTE = 60_000  # bytes; HDF5 allows 64 KiB with what belongs to it


def keras_layers(weights: WeightFile) -> list[KerasLayer]:
    """Return the layers of the Sequential. Raises ExportError for what it cannot express."""
    if weights.architecture is None:
        raise ExportError("Keras's layouts depend on the layers: these weights come without an architecture")
    held = network_tensors(weights)
    float_type(held, "Keras")
    network = Network({tensor.name: tensor for tensor in held})
    for layer in weights.architecture.get("layers", []):
        add(network, layer)
    return network.finish()


def sequential_config(weights: WeightFile, layers: list[KerasLayer]) -> dict[str, Any]:
    """Return what `keras.Sequential.from_config` makes the network of."""
    architecture = weights.architecture or {}
    shape = list(architecture.get("input_shape", []))
    shape = [*shape[1:], shape[0]] if len(shape) == 3 else shape
    dtype = float_type(network_tensors(weights), "Keras")
    entries = [
        {"module": "keras.layers", "class_name": layer.kind, "config": layer.config | {"dtype": dtype}}
        for layer in layers
    ]
    first = {"batch_shape": [None, *shape], "dtype": dtype, "name": "input"}
    entries.insert(0, {"module": "keras.layers", "class_name": "InputLayer", "config": first})
    return {"name": "network", "layers": entries}


def write_keras(weights: WeightFile, path: Path) -> None:
    """Write `weights` to `path`; the same weights give the same bytes. Raises ExportError as `keras_layers`."""
    layers = keras_layers(weights)
    h5py, image, config = load_h5py(), io.BytesIO(), json.dumps(sequential_config(weights, layers))
    # Other readers (Netron's) know the older form alone, which has no room for a long attribute.
    oldest = "earliest" if len(config) <= LONGEST_OLD_ATTRIBUTE else "v110"
    with h5py.File(image, "w", libver=(oldest, "v110"), track_order=False) as file:
        file.attrs[CONFIG] = config
        new_group(file, "vars").attrs["name"] = "network"
        parent = new_group(file, "layers")
        for name, layer in _numbered(layers):
            own = new_group(new_group(parent, name), "vars")
            own.attrs["name"] = layer.config["name"]
            for index, variable in enumerate(layer.variables):
                values = variable.values()
                own.create_dataset(str(index), data=values.astype(values.dtype.newbyteorder("<"), copy=False))
    path.write_bytes(image.getbuffer())


def require_same(weights: WeightFile, written: WeightFile) -> None:
    """Compare what was written with what was to be written. Raises ExportError for the first that differs."""
    by_place = {place: written[name] for name, place in written.metadata["keras"]["paths"].items()}
    for name, layer in _numbered(keras_layers(weights)):
        for index, variable in enumerate(layer.variables):
            copy = by_place.pop(f"/layers/{name}/vars/{index}", None)
            if copy is None or sha256(copy.read()) != sha256(variable.values()):
                problem = "what was written reads back differently; nothing was saved"
                raise ExportError(f"{variable.tensor.kind} {variable.tensor.name}: {problem}")
    if by_place:
        raise ExportError(f"{next(iter(by_place))} was written and not to be; nothing was saved")


def _numbered(layers: list[KerasLayer]) -> Iterator[tuple[str, KerasLayer]]:
    """Yield each layer with its name in the file: its class in snake case, numbered by occurrence."""
    used: dict[str, int] = {}
    for layer in layers:
        kind = snake_case(layer.kind)
        count = used[kind] = used.get(kind, -1) + 1
        yield f"{kind}_{count}" if count else kind, layer
