"""The JSON that cnnkit adds to formats of other programs: layer, kind, role and axes of each tensor, and the texts."""

import itertools
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from cnnkit.exporters.core.element_types import carrier
from cnnkit.exporters.core.weight_file import JSON_FIELDS, Array, NotRead, Stream, Tensor, WeightFile
from cnnkit.files.names import printable

FORMAT, VERSION = "cnnkit", 1
_PARTS = ("key", "name", "layer", "kind", "role", "dtype")


class StoredArray(NamedTuple):
    """A tensor as a file stores it: type (of raw bits, the carrier), shape, `Tensor.read` and `Tensor.stream`."""

    dtype: str
    shape: tuple[int, ...]
    read: Callable[[], Array]
    stream: Stream | None


def choose_keys(weights: WeightFile, taken: Collection[str], possible: Callable[[str], bool]) -> list[str]:
    """Return a key for every tensor: its name; where that is taken or not `possible`, kind/name, or else tensor-N."""
    used, reserved = set(taken), {tensor.name for tensor in weights}
    keys = []
    for index, tensor in enumerate(weights):
        key = tensor.name
        if key in used or not possible(key):
            others = itertools.chain((f"{tensor.kind}/{key}",), (f"tensor-{n}" for n in itertools.count(index)))
            key = next(other for other in others if other not in used and other not in reserved and possible(other))
        used.add(key)
        keys.append(key)
    return keys


def describe_tensors(weights: WeightFile, keys: list[str]) -> list[dict[str, Any]]:
    """Return {key, name, layer, kind, role, axes, dtype} of every tensor, in order."""
    return [
        {"key": key, "name": t.name, "layer": t.layer, "kind": t.kind, "role": t.role}
        | {"axes": list(t.axes), "dtype": t.dtype}
        for key, t in zip(keys, weights, strict=True)
    ]


def build_weight_file(
    path: Path, values: Mapping[str, Any], stored: Mapping[str, StoredArray], not_read: tuple[NotRead, ...]
) -> WeightFile:
    """Return the WeightFile of the tensors in `stored`; `values` holds their descriptions and the JSON_FIELDS.

    Raises ValueError when the two do not fit together.
    """
    if values.get("format") != FORMAT or values.get("version") != VERSION:
        raise ValueError(
            f"written by another version of cnnkit ({printable(repr(values.get('version')), 20)}): upgrade"
        )
    texts = {name: values.get(name) for name in JSON_FIELDS}
    for name, text in texts.items():
        if text is not None and not isinstance(text, dict):
            raise ValueError(f"{name} is not a JSON object")
    listed = values.get("tensors")
    if not isinstance(listed, list) or not all(isinstance(row, dict) for row in listed):
        raise ValueError("the list of tensors is missing")
    named = [row.get("key") for row in listed]
    if len(named) != len(stored) or not all(isinstance(key, str) and key in stored for key in named):
        raise ValueError("the list of tensors is not that of the tensors in the file")
    tensors = tuple(_build_tensor(row, stored[row["key"]]) for row in listed)
    return WeightFile(
        tensors, texts["architecture"], texts["metadata"] or {}, texts["position"], (), not_read, str(path)
    )


def _build_tensor(row: dict[str, Any], stored: StoredArray) -> Tensor:
    axes = row.get("axes")
    if not _are_texts(axes) or not all(isinstance(row.get(part), str) for part in _PARTS):
        raise ValueError(f"the description of tensor {printable(str(row.get('key')), 60)} is incomplete")
    if row["dtype"] != stored.dtype and carrier(row["dtype"]).name != stored.dtype:
        raise ValueError(
            f"tensor {printable(row['key'], 60)} is described as {printable(row['dtype'], 30)}, "
            f"stored as {stored.dtype}"
        )
    return Tensor(
        *(row["name"], row["layer"], row["kind"], row["role"], tuple(axes or ())),
        *(row["dtype"], stored.shape, stored.read, stored.stream),
    )


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)
