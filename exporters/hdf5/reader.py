"""Reads what writer.py wrote: lists tensors first, reads values when asked, and compares every SHA-256."""

import functools
import hashlib
import json
from collections.abc import Generator
from pathlib import Path
from typing import Any

import numpy as np

from cnnkit.errors import WeightFileError
from cnnkit.exporters.core import strict_json
from cnnkit.exporters.core.element_types import carrier, is_raw
from cnnkit.exporters.core.faults import fault, faults_of
from cnnkit.exporters.core.weight_file import JSON_FIELDS, Array, NotRead, Tensor, WeightFile, hash_blocks, sha256
from cnnkit.exporters.hdf5.chunks import iterate_parts
from cnnkit.exporters.hdf5.layout import FORMAT, GROUPS, VERSION, get_text, to_link_name
from cnnkit.files.hdf5_gate import GatedHdf5, open_hdf5
from cnnkit.files.hdf5_library import translate_errors
from cnnkit.files.names import printable

NAME = "hdf5"
_fault = functools.partial(fault, format_name=NAME)
_KINDS = {group: kind for kind, group in GROUPS.items()}


def read_hdf5(path: Path) -> WeightFile:
    """Return the content of a file by cnnkit; no values are read.

    Raises WeightFileError for another program's file, a newer version or damage.
    """
    with faults_of(path, NAME), open_hdf5(path) as file:
        _require_ours(path, file)
        texts = {name: _read_text(file, name) for name in JSON_FIELDS}
        indexed, not_read = [], []
        for place, dataset in file.datasets().items():
            if _is_tensor(place):
                indexed.append(_build_tensor(path, place, dataset))
            else:
                not_read.append(NotRead(printable(place), 1, "not part of the format"))
        for place, reason in file.not_read.items():
            if _is_tensor(place):
                raise _fault(path, f"{printable(place)}: {reason}", kind="refused")
            if place not in JSON_FIELDS:
                not_read.append(NotRead(printable(place), 1, reason))
        not_read += [NotRead(printable(link), 1, "links are not followed") for link in file.not_followed]
    tensors = tuple(tensor for _, tensor in sorted(indexed, key=lambda pair: pair[0]))
    metadata = {} if texts["metadata"] is None else texts["metadata"]
    return WeightFile(tensors, texts["architecture"], metadata, texts["position"], (), tuple(not_read), str(path))


def _require_ours(path: Path, file: GatedHdf5) -> None:
    with translate_errors():
        ours = "format" in file.attrs and get_text(file.attrs, "format") == FORMAT
        version = int(file.attrs["version"]) if ours else VERSION
    if not ours:
        raise _fault(path, "HDF5 file that cnnkit did not write")
    if version != VERSION:
        raise _fault(path, f"version {version} of {FORMAT}, this cnnkit reads {VERSION}", hint="upgrade cnnkit")


def _read_text(file: GatedHdf5, name: str) -> dict[str, Any] | None:
    try:
        text = file.text(name)
    except KeyError:
        return None
    with translate_errors(name):
        expected = get_text(file.attributes(name), "sha256")
        if hashlib.sha256(text).hexdigest() != expected:
            raise ValueError("does not fit its SHA-256")
        value = strict_json.loads(text, lone=True)
        if not isinstance(value, dict):
            raise ValueError("not a JSON object")
    return value


def _is_tensor(place: str) -> bool:
    group, _, link = place.partition("/")
    return group in _KINDS and bool(link) and "/" not in link


def _build_tensor(path: Path, place: str, dataset: Any) -> tuple[int, Tensor]:
    group, _, link = place.partition("/")
    attributes = dataset.attrs
    with translate_errors(place):
        name, native = get_text(attributes, "name"), dataset.dtype.newbyteorder("=").name
        dtype = get_text(attributes, "dtype") if "dtype" in attributes else native
        axes = tuple(json.loads(get_text(attributes, "axes")))
        if to_link_name(name) != link or not all(isinstance(axis, str) for axis in axes):
            raise ValueError("its name or axes do not fit")
        if carrier(dtype).name != native or (dtype != native and not is_raw(dtype)):
            raise ValueError(f"{dtype} stored as {native}")
        # Values are read from the path when asked for: an open handle would outlive the list, and block Windows.
        expected = get_text(attributes, "sha256")
        read = functools.partial(_read, path, place, expected)
        stream = functools.partial(_stream_values, path, place, expected)
        layer, role, shape = get_text(attributes, "layer"), get_text(attributes, "role"), tuple(map(int, dataset.shape))
        return int(attributes["index"]), Tensor(name, layer, _KINDS[group], role, axes, dtype, shape, read, stream)


def _read(path: Path, place: str, expected: str) -> Array:
    try:
        with faults_of(path, NAME), open_hdf5(path) as file:
            values = file.read(place)
    except KeyError as error:
        raise _fault(path, f"{printable(place)} has gone since the file was listed") from error
    values = np.asarray(values, values.dtype.newbyteorder("="), order="C")
    if sha256(values) != expected:
        raise _damage_fault(path, place)
    return values


def _stream_values(path: Path, place: str, expected: str) -> Generator[Array, None, str]:
    """Yield the values a few MiB at a time. Raises as `_read`; a wrong SHA-256 shows at the end."""
    try:
        with faults_of(path, NAME), open_hdf5(path) as file:
            digest = yield from hash_blocks(iterate_parts(file[place], place))
    except KeyError as error:
        raise _fault(path, f"{printable(place)} has gone since the file was listed") from error
    if digest != expected:
        raise _damage_fault(path, place)
    return digest


def _damage_fault(path: Path, place: str) -> WeightFileError:
    return _fault(path, f"{printable(place)} does not fit its SHA-256: damaged, or changed since it was listed")
