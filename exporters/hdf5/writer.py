"""Writes a WeightFile as HDF5: one data set per tensor, and one JSON text per attribute of JSON_FIELDS."""

import contextlib
import hashlib
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from cnnkit.errors import ExportError
from cnnkit.exporters.core import strict_json
from cnnkit.exporters.core.element_types import carrier, is_raw
from cnnkit.exporters.core.weight_file import JSON_FIELDS, Tensor, WeightFile, sha256
from cnnkit.exporters.hdf5.layout import FORMAT, GROUPS, VERSION, put_text, to_link_name, utf8_type
from cnnkit.files.extents import MAX_RANK
from cnnkit.files.hdf5.library import load_h5py, new_group
from cnnkit.files.names import printable

_CHUNK = 1 << 20
_MAX_NAME = 10_000


def write_hdf5(weights: WeightFile, path: Path, compression: int) -> None:
    """Write `weights` to `path`. Raises ExportError for what HDF5 cannot hold, OSError when the disk fails."""
    for tensor in weights.tensors:
        _require_storable(tensor)
    json_values = {name: getattr(weights, name) for name in JSON_FIELDS if getattr(weights, name) is not None}
    texts = {name: strict_json.dumps(name, value, indent=1).encode() for name, value in json_values.items()}
    with _create(path) as file:
        put_text(file.attrs, "format", FORMAT)
        file.attrs["version"] = np.int64(VERSION)
        for name, text in texts.items():
            dataset = file.create_dataset(name, data=np.bytes_(text), dtype=utf8_type(text))
            put_text(dataset.attrs, "sha256", hashlib.sha256(text).hexdigest())
        groups = {kind: new_group(file, GROUPS[kind]) for kind in GROUPS if weights.select(kind)}
        for index, tensor in enumerate(weights.tensors):
            _write_tensor(groups[tensor.kind], index, tensor, compression)


def _write_tensor(group: Any, index: int, tensor: Tensor, compression: int) -> None:
    values = tensor.read()
    values = values.astype(values.dtype.newbyteorder("<"), copy=False)
    filters: dict[str, Any] = {}
    if values.ndim and values.size:  # HDF5 keeps checksums per chunk; scalars and empty arrays have no chunks
        filters = {"chunks": _choose_chunk(values.shape, values.itemsize), "fletcher32": True}
        if compression:
            filters |= {"compression": "gzip", "compression_opts": compression, "shuffle": True}
    dataset = group.create_dataset(to_link_name(tensor.name), data=values, **filters)
    put_text(dataset.attrs, "name", tensor.name)
    put_text(dataset.attrs, "layer", tensor.layer)
    put_text(dataset.attrs, "role", tensor.role)
    put_text(dataset.attrs, "axes", json.dumps(tensor.axes))
    put_text(dataset.attrs, "sha256", sha256(values))
    dataset.attrs["index"] = np.int64(index)
    if is_raw(tensor.dtype):
        put_text(dataset.attrs, "dtype", tensor.dtype)
    for dimension, axis in enumerate(tensor.axes):
        with contextlib.suppress(ValueError):  # for other tools; cnnkit reads the attribute above
            dataset.dims[dimension].label = axis


def _choose_chunk(shape: tuple[int, ...], item_bytes: int) -> tuple[int, ...]:
    """Return a chunk of about 1 MiB: whole trailing axes, and a part of the first axis that no longer fits."""
    chunk, room = [], max(_CHUNK // item_bytes, 1)
    for extent in reversed(shape):
        chunk.append(min(extent, room))
        room = max(room // extent, 1)
    return tuple(reversed(chunk))


@contextlib.contextmanager
def _create(path: Path) -> Iterator[Any]:
    """Build a file in memory, with checksums in its headers (HDF5 1.10) and no times, and write it at the end.

    In memory, because libhdf5 crashes after the disk was full.
    """
    h5py, image = load_h5py(), io.BytesIO()
    access, creation = h5py.h5p.create(h5py.h5p.FILE_ACCESS), h5py.h5p.create(h5py.h5p.FILE_CREATE)
    access.set_libver_bounds(h5py.h5f.LIBVER_V110, h5py.h5f.LIBVER_V110)
    access.set_fclose_degree(h5py.h5f.CLOSE_STRONG)
    access.set_fileobj_driver(h5py.h5fd.fileobj_driver, image)
    creation.set_obj_track_times(False)
    with h5py.File(h5py.h5f.create(b"weights", h5py.h5f.ACC_TRUNC, creation, access)) as file:
        yield file
    path.write_bytes(image.getbuffer())


def _require_storable(tensor: Tensor) -> None:
    problem = None
    if carrier(tensor.dtype).kind == "c":
        problem = f"HDF5 has no {tensor.dtype}"
    elif len(tensor.shape) > MAX_RANK:
        problem = f"HDF5 holds at most {MAX_RANK} axes, got {len(tensor.shape)}"
    elif len(to_link_name(tensor.name).encode()) > _MAX_NAME:
        problem = f"a name of more than {_MAX_NAME} bytes"
    if problem is not None:
        raise ExportError(f"{tensor.kind} {printable(tensor.name)}: {problem}")
