"""A WeightFile of the tensors that a pickle describes; values are read when asked."""

import functools
from collections.abc import Generator
from pathlib import Path
from typing import Any

import numpy as np

from cnnkit.exporters.core.element_types import carrier
from cnnkit.exporters.core.faults import faults_of
from cnnkit.exporters.core.name_conventions import interpret_name
from cnnkit.exporters.core.pickles.content import Content, NamedRef
from cnnkit.exporters.core.pickles.places import Places
from cnnkit.exporters.core.pickles.shared_storages import find_shared
from cnnkit.exporters.core.pickles.values import TensorRef
from cnnkit.exporters.core.raw_values import STEP, decode_values, stream_array
from cnnkit.exporters.core.weight_file import Array, NotRead, Tensor, WeightFile, numbered_axes
from cnnkit.files.extents import count_bytes, strides
from cnnkit.files.names import printable
from cnnkit.files.unsafe_file import UnsafeFileError

_OWNERS = ("net", "optimizer", "other")
_FREE_BYTES, _LARGEST_RATIO = 64 << 20, 16  # bytes of all tensors: allowed for any file; allowed per byte of the file


def build_weight_file(
    path: Path, format_name: str, content: Content, places: Places, not_read: tuple[NotRead, ...] = ()
) -> WeightFile:
    """Return the tensors of `content`, whose bytes are at `places`. Raises UnsafeFileError when they do not fit."""
    tensors = build_tensors(path, format_name, content, places)
    not_read = (*not_read, *content.list_not_read())
    if not tensors:
        _require_something(format_name, content, not_read)
    beside: dict[str, Any] = {"values": content.values} if content.values else {}
    if content.wrapper is not None:
        beside["wrapper"] = content.wrapper
    if content.quantised:
        beside["quantised"] = content.quantised
    metadata = {format_name: beside} if beside else {}
    return WeightFile(tensors, None, metadata, None, (), not_read, str(path))


def build_tensors(path: Path, format_name: str, content: Content, places: Places) -> tuple[Tensor, ...]:
    """Return the tensors of `content` alone. Raises UnsafeFileError when they do not fit their storages."""
    for storage in {named.tensor.storage for named in content.tensors}:
        size = places.size(storage)
        if size != storage.nbytes:
            stored = "none" if size is None else f"{size} bytes"
            key = storage.key if isinstance(storage.key, str) else "in the pickle"
            raise UnsafeFileError(f"storage {printable(key, 60)}: {storage.nbytes} bytes expected, {stored} stored")
    _require_affordable(content, path.stat().st_size)
    shapes = {owner: {n.name: n.tensor.shape for n in content.tensors if n.owner == owner} for owner in _OWNERS}
    shared = find_shared(content.tensors)
    return tuple(
        _build_tensor(path, format_name, places, named, shapes[named.owner], shared.get(index))
        for index, named in enumerate(content.tensors)
    )


def _require_something(format_name: str, content: Content, not_read: tuple[NotRead, ...]) -> None:
    """Raise UnsafeFileError for a file without tensors, unless it has some whose values are elsewhere."""
    if content.objects:
        (name, *_), _ = content.objects.most_common(1)[0]
        problem = f"a pickle that needs {name}: cnnkit runs no code from files; save its arrays alone"
        raise UnsafeFileError(problem + ", as a state_dict or by numpy.savez", "refused")
    if not any(item.what.startswith("tensor") for item in not_read):
        raise UnsafeFileError("no tensors in it" + (": it is no state_dict" if format_name == "torch" else ""))


def _build_tensor(
    path: Path,
    format_name: str,
    places: Places,
    named: NamedRef,
    shapes: dict[str, tuple[int, ...]],
    shares: str | None,
) -> Tensor:
    name, owner, ref = named
    layer, kind, role, axes = interpret_name(name, ref.dtype, shapes)
    if owner != "net":
        kind, role = owner, "other"
    elif ref.quantizer is not None and kind == "other":
        kind = "parameter"
    if owner == "optimizer":
        layer, role, axes = name.rpartition(".")[0], "slot", numbered_axes(len(ref.shape))
    values = _PickledValues(path, format_name, places, name, ref)
    stream = values.stream if _is_in_order(ref) else None
    return Tensor(name, layer, kind, role, axes, ref.dtype, ref.shape, values.read, stream, shares)


def _require_affordable(content: Content, size: int) -> None:
    budget = _FREE_BYTES + _LARGEST_RATIO * size
    total = sum(count_bytes(named.tensor.shape, carrier(named.tensor.dtype).itemsize) for named in content.tensors)
    if total > budget:
        raise UnsafeFileError(f"tensors of {total} bytes in a file of {size}, more than {budget}", "too_big")


def _is_in_order(ref: TensorRef) -> bool:
    """Return whether the values are read as they lie: the tensor is no view, and put off no operation."""
    return (ref.strides == strides(ref.shape) or not ref.span) and not ref.conjugated and not ref.negated


class _PickledValues:
    """Where the values of a tensor lie; `read` and `stream` are those of `Tensor`."""

    __slots__ = ("_format", "_name", "_path", "_places", "_ref")

    def __init__(self, path: Path, format_name: str, places: Places, name: str, ref: TensorRef) -> None:
        self._path, self._format, self._places, self._name, self._ref = path, format_name, places, name, ref

    def read(self) -> Array:
        ref, dtype = self._ref, self._dtype
        item = dtype.itemsize
        with faults_of(self._path, self._format, self._what):
            data = self._places.read(ref.storage, ref.offset * item, ref.span * item)
            if ref.strides == strides(ref.shape) or not ref.span:
                return _apply_bits(decode_values(data, dtype, ref.shape), ref)
            flat = decode_values(data, dtype, (ref.span,))
        steps = tuple(step * item for step in ref.strides)
        strided = np.ascontiguousarray(np.lib.stride_tricks.as_strided(flat, ref.shape, steps)).reshape(ref.shape)
        return _apply_bits(strided, ref)

    def stream(self) -> Generator[Array, None, str]:
        ref, dtype = self._ref, self._dtype
        start, length = ref.offset * dtype.itemsize, ref.span * dtype.itemsize
        blocks = functools.partial(self._places.blocks, ref.storage, start, length, STEP)
        return stream_array(self._path, self._format, self._what, blocks, dtype)

    @property
    def _dtype(self) -> np.dtype[Any]:
        return carrier(self._ref.dtype).newbyteorder(self._places.order(self._ref.storage))

    @property
    def _what(self) -> str:
        return f"tensor {printable(self._name)}"


def _apply_bits(values: Array, ref: TensorRef) -> Array:
    """Return the values after the operations that a tensor put off: conjugation and the change of sign."""
    if ref.conjugated:
        values = np.conjugate(values)
    return np.negative(values) if ref.negated else values
