"""Reads what torch.save wrote, without torch and without running anything: names first, values when asked."""

import functools
from pathlib import Path
from typing import Any

import numpy as np

from cnnkit.exporters.core.element_types import carrier
from cnnkit.exporters.core.faults import faults_of
from cnnkit.exporters.core.name_conventions import interpret_name
from cnnkit.exporters.core.raw_values import STEP, decode_values, stream_array
from cnnkit.exporters.core.weight_file import Array, NotRead, Stream, Tensor, WeightFile, numbered_axes
from cnnkit.exporters.pytorch.checkpoint_tree import Checkpoint, CheckpointTensor, explore
from cnnkit.exporters.pytorch.legacy_file import TorchLegacy
from cnnkit.exporters.pytorch.symbols import TensorRef
from cnnkit.exporters.pytorch.zip_file import TorchZip
from cnnkit.files.extents import count_bytes, strides
from cnnkit.files.names import printable
from cnnkit.files.unsafe_file import UnsafeFileError
from cnnkit.files.zip_gate import is_zip

NAME = "torch"
_OWNERS = ("net", "optimizer", "other")
_FREE_BYTES, _LARGEST_RATIO = 64 << 20, 16  # bytes of all tensors: allowed for any file; allowed per byte of the file


def read_torch(path: Path) -> WeightFile:
    """Return the tensors of a state_dict or checkpoint. Raises WeightFileError for anything else."""
    with faults_of(path, NAME):
        return _build_weight_file(path, TorchZip(path) if is_zip(path) else TorchLegacy(path))


def _build_weight_file(path: Path, container: TorchZip | TorchLegacy) -> WeightFile:
    checkpoint = explore(container.document)
    storages = {listed.tensor.storage for listed in checkpoint.tensors}
    if isinstance(container, TorchLegacy):
        container.locate(storages)
    for storage in storages:
        size = container.size(storage)
        if size != storage.nbytes:
            stored = "none" if size is None else f"{size} bytes"
            raise UnsafeFileError(
                f"storage {printable(storage.key, 60)}: {storage.nbytes} bytes expected, {stored} stored"
            )
    if not checkpoint.tensors:
        raise UnsafeFileError("no tensors in it: it is no state_dict")
    _require_affordable(checkpoint, path.stat().st_size)
    not_read = container.not_read({storage.key for storage in storages})
    if checkpoint.skipped:
        not_read += (
            NotRead(
                "values beside the tensors", checkpoint.skipped, "neither numbers nor texts of the top level", False
            ),
        )
    return WeightFile(
        tuple(_build_tensors(path, container, checkpoint)),
        None,
        _build_metadata(checkpoint),
        None,
        (),
        not_read,
        str(path),
    )


def _build_tensors(path: Path, container: TorchZip | TorchLegacy, checkpoint: Checkpoint) -> list[Tensor]:
    shapes = {owner: {f.name: f.tensor.shape for f in checkpoint.tensors if f.owner == owner} for owner in _OWNERS}
    return [_build_tensor(path, container, listed, shapes[listed.owner]) for listed in checkpoint.tensors]


def _build_tensor(
    path: Path, container: TorchZip | TorchLegacy, listed: CheckpointTensor, shapes: dict[str, tuple[int, ...]]
) -> Tensor:
    name, owner, ref = listed
    layer, kind, role, axes = interpret_name(name, ref.dtype, shapes)
    if owner != "net":
        kind = owner
    if owner == "optimizer":
        layer, role, axes = name.rpartition(".")[0], "slot", numbered_axes(len(ref.shape))
    read = functools.partial(_read, path, container, name, ref)
    return Tensor(name, layer, kind, role, axes, ref.dtype, ref.shape, read, _make_stream(path, container, name, ref))


def _build_metadata(checkpoint: Checkpoint) -> dict[str, Any]:
    beside: dict[str, Any] = {"values": checkpoint.values} if checkpoint.values else {}
    if checkpoint.wrapper is not None:
        beside["wrapper"] = checkpoint.wrapper
    return {"torch": beside} if beside else {}


def _require_affordable(checkpoint: Checkpoint, size: int) -> None:
    budget = _FREE_BYTES + _LARGEST_RATIO * size
    total = sum(count_bytes(f.tensor.shape, carrier(f.tensor.dtype).itemsize) for f in checkpoint.tensors)
    if total > budget:
        raise UnsafeFileError(f"tensors of {total} bytes in a file of {size}, more than {budget}", "too_big")


def _make_stream(path: Path, container: TorchZip | TorchLegacy, name: str, ref: TensorRef) -> Stream | None:
    """Return `Tensor.stream`, or None for a view whose values do not lie in order."""
    if ref.strides != strides(ref.shape) and ref.span:
        return None
    dtype = _find_dtype(container, ref)
    blocks = functools.partial(
        container.blocks, ref.storage, ref.offset * dtype.itemsize, ref.span * dtype.itemsize, STEP
    )
    return functools.partial(stream_array, path, NAME, f"tensor {printable(name)}", blocks, dtype)


def _find_dtype(container: TorchZip | TorchLegacy, ref: TensorRef) -> np.dtype[Any]:
    return carrier(ref.dtype).newbyteorder(">" if container.big_endian else "<")


def _read(path: Path, container: TorchZip | TorchLegacy, name: str, ref: TensorRef) -> Array:
    dtype = _find_dtype(container, ref)
    item = dtype.itemsize
    with faults_of(path, NAME, f"tensor {printable(name)}"):
        data = container.read(ref.storage, ref.offset * item, ref.span * item)
        if ref.strides == strides(ref.shape) or not ref.span:
            return decode_values(data, dtype, ref.shape)
        flat = decode_values(data, dtype, (ref.span,))
    steps = tuple(step * item for step in ref.strides)
    return np.ascontiguousarray(np.lib.stride_tricks.as_strided(flat, ref.shape, steps)).reshape(ref.shape)
