"""Reads what writer.py wrote: lists tensors first, reads values when asked, and compares every SHA-256.

A file that says it is cnnkit's is a stranger's file nevertheless: the worker process reads it, as any other HDF5.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cnnkit.exporters.core import strict_json
from cnnkit.exporters.core.element_types import carrier, is_raw
from cnnkit.exporters.core.faults import fault, faults_of
from cnnkit.exporters.core.hdf5_tensors import Hdf5Tensors
from cnnkit.exporters.core.weight_file import JSON_FIELDS, NotRead, Tensor, WeightFile
from cnnkit.exporters.hdf5.layout import FORMAT, GROUPS, VERSION, get_text, to_link_name
from cnnkit.files.names import printable

NAME = "hdf5"
_KINDS = {group: kind for kind, group in GROUPS.items()}


def read_hdf5(path: Path) -> WeightFile:
    """Return the content of a file by cnnkit; no values are read.

    Raises WeightFileError for another program's file, a newer version or damage.
    """
    file = Hdf5Tensors.open(path, NAME)
    _require_ours(path, file.listing.attributes)
    texts = {name: _read_json(file, name) for name in JSON_FIELDS}
    places = sorted(filter(_is_tensor, file.listing.datasets), key=lambda place: _find_index(file, place))
    tensors = tuple(_build_tensor(file, place) for place in places)
    for place, reason in file.listing.not_read.items():
        if _is_tensor(place):
            raise fault(path, f"{printable(place)}: {reason}", kind="refused", format_name=NAME)
    others = [place for place in file.listing.datasets if not _is_tensor(place)]
    not_read = [NotRead(printable(place), 1, "not part of the format") for place in others]
    not_read += [item for item in file.not_read() if item.what not in JSON_FIELDS]
    metadata = {} if texts["metadata"] is None else texts["metadata"]
    return WeightFile(tensors, texts["architecture"], metadata, texts["position"], (), tuple(not_read), str(path))


def _require_ours(path: Path, attributes: Mapping[str, Any]) -> None:
    if attributes.get("format") != FORMAT:
        raise fault(path, "HDF5 file that cnnkit did not write", format_name=NAME)
    version = attributes.get("version")
    if version != VERSION:
        raise fault(
            path,
            f"version {printable(str(version), 40)} of {FORMAT}, this cnnkit reads {VERSION}",
            format_name=NAME,
            hint="upgrade cnnkit",
        )


def _read_json(file: Hdf5Tensors, name: str) -> dict[str, Any] | None:
    text = file.text(name)
    if text is None:
        return None
    with faults_of(file.path, NAME, f"{name}: damaged"):
        if hashlib.sha256(text).hexdigest() != get_text(file.listing.texts[name].attributes, "sha256"):
            raise ValueError("does not fit its SHA-256")
        value = strict_json.loads(text, lone=True)
        if not isinstance(value, dict):
            raise ValueError("not a JSON object")
    return value


def _is_tensor(place: str) -> bool:
    group, _, link = place.partition("/")
    return group in _KINDS and bool(link) and "/" not in link


def _find_index(file: Hdf5Tensors, place: str) -> int:
    index = file.listing.datasets[place].attributes.get("index")
    if not isinstance(index, int):
        raise fault(file.path, f"{printable(place)}: damaged: attribute index is not a number", format_name=NAME)
    return index


def _build_tensor(file: Hdf5Tensors, place: str) -> Tensor:
    group, _, link = place.partition("/")
    stored = file.listing.datasets[place]
    attributes = stored.attributes
    with faults_of(file.path, NAME, f"{printable(place)}: damaged"):
        name = get_text(attributes, "name")
        dtype = get_text(attributes, "dtype") if "dtype" in attributes else stored.dtype
        axes = strict_json.loads(get_text(attributes, "axes").encode(), lone=True)
        if to_link_name(name) != link or not isinstance(axes, list) or not all(isinstance(axis, str) for axis in axes):
            raise ValueError("its name or axes do not fit")
        if carrier(dtype).name != stored.dtype or (dtype != stored.dtype and not is_raw(dtype)):
            raise ValueError(f"{dtype} stored as {stored.dtype}")
        if len(axes) != len(stored.shape):
            raise ValueError(f"expected a name for each axis of {stored.shape}, got {tuple(axes)}")
        layer, role, expected = (get_text(attributes, key) for key in ("layer", "role", "sha256"))
        return file.tensor(place, name, layer, _KINDS[group], role, tuple(axes), dtype, expected)
