"""The weightsManifest of TensorFlow.js: groups of weights, each stored one after the other over one or more files.

Source of the layout: tfjs-core's io types (WeightsManifestConfig, WeightsManifestEntry) and its decoding of weights.
"""

import sys
from typing import Any, NamedTuple, TypeGuard

from cnnkit.exporters.core.element_types import carrier
from cnnkit.files.extents import count_bytes
from cnnkit.files.names import printable

_TYPES = {"float32": "float32", "int32": "int32", "bool": "bool", "complex64": "complex64", "float16": "float16"}
_QUANTISED = {"uint8": "uint8", "uint16": "uint16", "float16": "float16"}
_MOST = 1_000_000  # weights of a model


class PackedRange(NamedTuple):
    """How a weight was rounded: value = stored * scale + minimum."""

    scale: float
    minimum: float


class StoredWeight(NamedTuple):
    """A weight: its type and shape, the type in the file, and where its bytes begin in the group.

    problem  why it cannot be read, or None
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    stored: str
    quantisation: PackedRange | None
    start: int
    size: int
    problem: str | None = None


class WeightGroup(NamedTuple):
    """Weights that lie one after the other in files; `size` of all, None where texts among them hide it."""

    paths: tuple[str, ...]
    weights: tuple[StoredWeight, ...]
    size: int | None


def parse_manifest(groups: Any) -> list[WeightGroup]:
    """Return the groups. Raises ValueError for anything but a list of {paths, weights}."""
    if not isinstance(groups, list):
        raise ValueError("expected weightsManifest to be a list of groups")
    parsed = [_parse_group(f"weightsManifest[{index}]", group) for index, group in enumerate(groups)]
    if sum(len(group.weights) for group in parsed) > _MOST:
        raise ValueError(f"more than {_MOST} weights")
    return parsed


def _parse_group(where: str, group: Any) -> WeightGroup:
    paths, entries = (group.get("paths"), group.get("weights")) if isinstance(group, dict) else (None, None)
    if not isinstance(paths, list) or not isinstance(entries, list) or not all(type(path) is str for path in paths):
        raise ValueError(f"{where}: expected an object with a list of paths and a list of weights")
    weights: list[StoredWeight] = []
    position: int | None = 0
    for index, entry in enumerate(entries):
        weight = _parse_weight(f"{where}.weights[{index}]", entry, position)
        weights.append(weight)
        position = None if position is None or weight.dtype == "string" else position + weight.size
    return WeightGroup(tuple(paths), tuple(weights), position)


def _parse_weight(where: str, entry: Any, position: int | None) -> StoredWeight:
    about = entry if isinstance(entry, dict) else {}
    name, kind, shape = (about.get(key) for key in ("name", "dtype", "shape"))
    if type(name) is not str or type(kind) is not str or not isinstance(shape, list):
        raise ValueError(f"{where}: expected an object with name, dtype and shape")
    hidden = None if position is not None else "texts come before it, whose length the manifest does not tell"
    try:
        count = count_bytes(shape, 1)
        if kind == "string":
            problem = "element type string is not read"
            return StoredWeight(name, kind, tuple(shape), kind, None, position or 0, 0, problem)
        if kind not in _TYPES:
            raise ValueError(f"element type {printable(kind, 30)} is not one of {', '.join(_TYPES)}, string")
        stored, rule = _parse_quantisation(kind, about.get("quantization"))
    except ValueError as error:
        raise ValueError(f"{where} ({printable(name, 60)}): {error}") from error
    size = count * carrier(stored).itemsize
    return StoredWeight(name, _TYPES[kind], tuple(shape), stored, rule, position or 0, size, hidden)


def _is_number(value: Any) -> TypeGuard[float]:
    return type(value) in (int, float)


def _parse_quantisation(kind: str, quantisation: Any) -> tuple[str, PackedRange | None]:
    """Return (element type in the file, how it was rounded)."""
    if quantisation is None:
        return _TYPES[kind], None
    stored = quantisation.get("dtype") if isinstance(quantisation, dict) else None
    if type(stored) is not str or stored not in _QUANTISED or kind not in ("float32", "int32"):
        raise ValueError(f"quantization of {kind} as {printable(repr(stored), 30)} is not known")
    if stored == "float16":
        return "float16", PackedRange(1.0, 0.0)
    scale, minimum = quantisation.get("scale"), quantisation.get("min")
    if not _is_number(scale) or not _is_number(minimum):
        raise ValueError("expected numbers for scale and min of its quantization")
    if max(abs(scale), abs(minimum)) > sys.float_info.max:  # a whole number of JSON has no limit
        raise ValueError("scale or min of its quantization is beyond float64")
    return _QUANTISED[stored], PackedRange(float(scale), float(minimum))
