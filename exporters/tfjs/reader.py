"""Reads the weights of a TensorFlow.js model: the manifest in its JSON, the values in the files beside it."""

import functools
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from cnnkit.exporters.core import strict_json
from cnnkit.exporters.core.element_types import carrier
from cnnkit.exporters.core.faults import faults_of
from cnnkit.exporters.core.keras_config import LayerConfig, iterate_layers
from cnnkit.exporters.core.keras_variables import find_role, is_state, name_axes, strip_number
from cnnkit.exporters.core.raw_values import STEP, decode_values, stream_array
from cnnkit.exporters.core.weight_file import Array, NotRead, Tensor, WeightFile, numbered_axes
from cnnkit.exporters.tfjs.manifest import StoredWeight, WeightGroup, parse_manifest
from cnnkit.exporters.tfjs.shards import Shards
from cnnkit.files.names import printable
from cnnkit.files.unsafe_file import UnsafeFileError

NAME = "tfjs"
_LIMIT = 64 << 20
_READ = "ReadVariableOp"
# In a graph, the operation that reads a variable tells what it is.
_OPERATIONS = {
    "Conv2D": "kernel", "MatMul": "kernel", "BiasAdd": "bias", "depthwise": "depthwise_kernel", "Conv1D": "kernel",
}  # fmt: skip


class _Variable(NamedTuple):
    """A weight by Keras' words: its name and layer, the class of the layer in snake case, its name in the layer.

    beside  {variable: shape} of the whole layer
    """

    name: str
    layer: str
    kind: str
    variable: str
    beside: Mapping[str, tuple[int, ...]]


def read_tfjs(path: Path, external: bool) -> WeightFile:
    """Return the weights of a model. Raises WeightFileError for a damaged manifest.

    external: open the files that the manifest names, which must lie in the same folder; otherwise all is in `not_read`.
    """
    with faults_of(path, NAME):
        document = strict_json.read_file(path, _LIMIT, most_nodes=strict_json.MOST_NODES)
        document = document if isinstance(document, dict) else {"weightsManifest": document}
        groups = parse_manifest(document.get("weightsManifest"))
    variables = _name_variables(groups, document.get("modelTopology"))
    tensors: list[Tensor] = []
    not_read: list[NotRead] = []
    for group in groups:
        shards = _open(path, group, external)
        for weight in group.weights:
            variable = variables.pop(weight.name, None)
            problem = weight.problem if variable is not None else "occurs twice: the first is read"
            if problem is None and variable is not None and not isinstance(shards, str):
                tensors.append(_build_tensor(path, weight, shards, variable))
            else:
                reason = problem or str(shards)
                what = f"{printable(weight.name)} {weight.shape}"
                not_read.append(NotRead(what, 1, printable(reason), weights=weight.dtype != "string"))
    return WeightFile(tuple(tensors), None, _describe(document, groups), not_read=tuple(not_read), file=str(path))


def _open(path: Path, group: WeightGroup, external: bool) -> Shards | str:
    """Return the files of a group, or why they are not read."""
    if not external:
        more = f" and {len(group.paths) - 1} more" if len(group.paths) > 1 else ""
        return f"its values lie in {printable(''.join(group.paths[:1]), 100) or 'no file'}{more}: --external reads them"
    try:
        return Shards.open(path, group)
    except UnsafeFileError as error:
        return str(error)


def _name_variables(groups: list[WeightGroup], topology: Any) -> dict[str, _Variable]:
    """Return {name of a weight: what it is}; names have dots, as in Keras' own files, where that is unambiguous."""
    config = topology.get("model_config", topology) if isinstance(topology, dict) else None
    layers = {layer.name: layer for layer in iterate_layers(config)}
    weights = {weight.name: weight for group in reversed(groups) for weight in reversed(group.weights)}
    dotted = len({name.replace("/", ".") for name in weights}) == len(weights)
    shapes: dict[str, dict[str, tuple[int, ...]]] = defaultdict(dict)
    variables = {}
    for name, weight in weights.items():
        layer, kind, variable = _split(name, layers)
        shapes[layer][variable] = weight.shape
        full = name.replace("/", ".") if dotted else name
        variables[name] = _Variable(full, layer.replace("/", "."), kind, variable, shapes[layer])
    return variables


def _split(name: str, layers: Mapping[str, LayerConfig]) -> tuple[str, str, str]:
    """conv2d_1/kernel -> (conv2d_1, conv2d, kernel); of a graph .../conv2d/Conv2D/ReadVariableOp the same."""
    parts = name.split("/")
    if parts[-1].startswith(_READ) and len(parts) > 2:
        parts = [*parts[:-2], _OPERATIONS.get(parts[-2], parts[-2])]
    layer = "/".join(parts[:-1]) or name
    known = next((layers[part] for part in reversed(parts[:-1]) if part in layers), None)
    last = parts[-2] if len(parts) > 1 else ""
    return layer, strip_number(last) if known is None else known.kind, parts[-1]


def _build_tensor(path: Path, weight: StoredWeight, shards: Shards, variable: _Variable) -> Tensor:
    axes = name_axes(variable.variable, variable.kind, variable.beside)
    if axes is None or len(axes) != len(weight.shape):
        axes = numbered_axes(len(weight.shape))
    what, stored = f"weight {printable(weight.name)}", carrier(weight.stored).newbyteorder("<")
    stream = None
    if weight.quantisation is None:
        blocks = functools.partial(shards.blocks, weight.start, weight.size, STEP)
        stream = functools.partial(stream_array, path, NAME, what, blocks, stored)
    kind = "state" if is_state(variable.variable) else "parameter"
    role = find_role(variable.variable, variable.kind)
    read = functools.partial(_read, path, what, weight, shards, stored)
    return Tensor(variable.name, variable.layer, kind, role, axes, weight.dtype, weight.shape, read, stream)


def _read(path: Path, what: str, weight: StoredWeight, shards: Shards, stored: np.dtype[Any]) -> Array:
    """Return the values; those that were rounded to fewer bits as TensorFlow.js computes them, in float64 first."""
    with faults_of(path, NAME, what):
        values = decode_values(shards.read(weight.start, weight.size), stored, weight.shape)
        if weight.quantisation is None:
            return values
        with np.errstate(over="ignore", invalid="ignore"):  # scales of a hostile file
            exact = values.astype(np.float64) * weight.quantisation.scale + weight.quantisation.minimum
            # Rounded as JavaScript's Math.round does: a half upwards.
            return (np.floor(exact + 0.5) if weight.dtype == "int32" else exact).astype(weight.dtype)


def _describe(document: dict[str, Any], groups: list[WeightGroup]) -> dict[str, Any]:
    about = {
        key: document[key] for key in ("format", "generatedBy", "convertedBy") if isinstance(document.get(key), str)
    }
    rounded = {weight.name: weight.stored for group in groups for weight in group.weights if weight.quantisation}
    return {"tfjs": about | ({"quantized": rounded} if rounded else {})}
