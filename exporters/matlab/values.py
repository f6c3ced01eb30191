"""Values of arrays of MATLAB: stored in columns, perhaps in a smaller type than that of their class."""

import functools
import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from cnnkit.exporters.core.faults import faults_of
from cnnkit.exporters.core.raw_values import STEP, decode_values, stream_array
from cnnkit.exporters.core.weight_file import Array, Stream, Tensor
from cnnkit.exporters.matlab.level5 import ListedArray, StoredValues
from cnnkit.files.names import printable
from cnnkit.files.stored_file import Bytes


def make_readers(path: Path, format_name: str, array: ListedArray) -> tuple[Callable[[], Array], Stream | None]:
    """Return `Tensor.read` and `Tensor.stream`; the latter only where columns are rows, of real values."""
    read = functools.partial(_read, path, format_name, array)
    if array.imaginary is not None or not is_line(array.shape):
        return read, None
    dtype = np.dtype(array.dtype)
    blocks = functools.partial(_convert_blocks, array.values, dtype)
    return read, functools.partial(stream_array, path, format_name, f"array {printable(array.name)}", blocks, dtype)


def turn_axes(path: Path, format_name: str, stored: Tensor, logical: bool) -> Tensor:
    """Return a tensor of HDF5 with its axes in MATLAB's order; `logical`: its bytes are truth values."""
    turned = replace(
        stored, shape=stored.shape[::-1], axes=stored.axes[::-1], dtype="bool" if logical else stored.dtype
    )
    stream = stored.stream if is_line(stored.shape) and turned.dtype == stored.dtype else None
    return replace(turned, read=functools.partial(_read_turned, path, format_name, stored, turned.dtype), stream=stream)


def _read_turned(path: Path, format_name: str, stored: Tensor, dtype: str) -> Array:
    values = np.asarray(stored.read().T, order="C")  # ascontiguousarray would give a scalar an axis
    if dtype == stored.dtype:
        return values
    with faults_of(path, format_name, f"array {printable(stored.name)}"):
        return decode_values(values.astype(np.uint8).reshape(-1).view(np.uint8), np.dtype(bool), values.shape)


def is_line(shape: tuple[int, ...]) -> bool:
    """Return whether at most one axis is longer than 1, so that the order of columns is that of rows."""
    return max(shape, default=1) == math.prod(shape)


def _read(path: Path, format_name: str, array: ListedArray) -> Array:
    with faults_of(path, format_name, f"array {printable(array.name)}"):
        dtype = np.dtype(array.dtype)
        part = np.real(np.empty(0, dtype)).dtype
        values = _fill(array.values, part, math.prod(array.shape))
        if array.imaginary is not None:
            whole = np.empty(values.size, dtype)
            whole.real, whole.imag = values, _fill(array.imaginary, part, values.size)
            values = whole
        return np.asarray(values.reshape(array.shape, order="F"), order="C")


def _fill(values: StoredValues, dtype: "np.dtype[np.generic]", count: int) -> Array:
    data, filled = np.empty(count * dtype.itemsize, np.uint8), 0
    for block in _convert_blocks(values, dtype):
        data[filled : filled + block.size] = block
        filled += block.size
    return decode_values(data, dtype, (count,))


def _convert_blocks(values: StoredValues, dtype: "np.dtype[np.generic]") -> Iterator[Bytes]:
    """Yield the bytes of values converted to `dtype`. Raises ValueError when one of them does not fit it exactly."""
    stored = np.dtype(values.stored)
    for block in values.source.blocks(values.element.start, values.element.size, STEP):
        found = block.view(stored)
        if dtype.kind == "b":
            if stored.itemsize != 1:
                raise ValueError(f"truth values stored as {stored.name}")
            yield block
            continue
        with np.errstate(invalid="ignore"):
            converted = np.ascontiguousarray(found.astype(dtype))
        if not np.can_cast(stored, dtype) and not np.array_equal(converted.astype(stored), found):
            raise ValueError(f"values stored as {stored.name} that do not fit {dtype.name}")
        yield converted.view(np.uint8)
