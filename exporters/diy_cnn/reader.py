"""Reads the weights of a do-it-yourself CNN in Rust, whose arrays are serde's form of ndarray: {v, dim, data}."""

import math
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from cnnkit.exporters.core import strict_json
from cnnkit.exporters.core.faults import faults_of
from cnnkit.exporters.core.weight_file import Array, Tensor, WeightFile
from cnnkit.files.names import printable

NAME = "diy-cnn-json"
_LIMIT = 64 << 20


class RecipeArray(NamedTuple):
    """The tensor of recipe `diy-cnn` that an array becomes; `published`: its shape in the published file."""

    name: str
    role: str
    axes: tuple[str, ...]
    published: tuple[int, ...]


ARRAYS = {
    "conv_filters": RecipeArray("0.weight", "weight", ("o", "i", "kh", "kw"), (8, 1, 3, 3)),
    "conv_biases": RecipeArray("0.bias", "bias", ("o",), (8,)),
    "fc_weights": RecipeArray("4.weight", "weight", ("out", "in"), (10, 1352)),
    "fc_biases": RecipeArray("4.bias", "bias", ("out",), (10,)),
}


def read_diy_cnn(path: Path) -> WeightFile:
    """Return the four tensors. Raises WeightFileError for anything but strict JSON of that form."""
    with faults_of(path, NAME):
        arrays = _read_arrays(strict_json.read_file(path, _LIMIT))
    published = all(arrays[key].shape == array.published for key, array in ARRAYS.items())
    tensors = tuple(Tensor.of(a.name, arrays[key], role=a.role, axes=a.axes) for key, a in ARRAYS.items())
    return WeightFile(tensors, metadata={"recipe": "diy-cnn"} if published else {})


def _read_arrays(document: Any) -> dict[str, Array]:
    if not isinstance(document, dict) or document.keys() != ARRAYS.keys():
        keys = [printable(key, 30) for key in document][:8] if isinstance(document, dict) else ["no object"]
        raise ValueError(f"expected an object with {', '.join(ARRAYS)}, got {', '.join(keys)}")
    arrays = {key: _read_array(key, document[key], len(array.axes)) for key, array in ARRAYS.items()}
    for weight, bias in (("conv_filters", "conv_biases"), ("fc_weights", "fc_biases")):
        outputs, got = arrays[weight].shape[0], arrays[bias].shape[0]
        if outputs != got:
            raise ValueError(f"{bias}: expected {outputs} numbers, one for each output of {weight}, got {got}")
    return arrays


def _read_array(key: str, entry: Any, rank: int) -> Array:
    if not isinstance(entry, dict) or entry.keys() != {"v", "dim", "data"}:
        raise ValueError(f"{key}: expected an object with v, dim, data")
    if type(entry["v"]) is not int or entry["v"] != 1:
        raise ValueError(f"{key}: expected v 1, got {printable(repr(entry['v']), 30)}")
    shape, values = entry["dim"], entry["data"]
    if not isinstance(shape, list) or len(shape) != rank or not all(type(n) is int and n > 0 for n in shape):
        raise ValueError(f"{key}: expected dim of {rank} positive integers, got {printable(repr(shape), 60)}")
    if not isinstance(values, list):
        raise ValueError(f"{key}: expected data to be a list of numbers")
    for index, value in enumerate(values):
        if type(value) not in (int, float):  # True is an int in Python, and a mistake in a file
            raise ValueError(f"{key}: expected numbers, got {printable(repr(value), 30)} at index {index}")
    if len(values) != math.prod(shape):
        raise ValueError(f"{key}: expected {math.prod(shape)} numbers for dim {shape}, got {len(values)}")
    with np.errstate(over="ignore"):
        array = np.array([float(value) if abs(value) < 1e300 else np.inf for value in values], np.float32)
    if not np.isfinite(array).all():
        index = int(np.isfinite(array).argmin())
        raise ValueError(f"{key}: {printable(repr(values[index]), 30)} at index {index} does not fit float32")
    return array.reshape(shape)
