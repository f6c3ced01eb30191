"""Bytes of a file to arrays, and arrays to bytes: either byte order, C order, any element type."""

from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from cnnkit.errors import ExportError
from cnnkit.exporters.core.element_types import carrier
from cnnkit.exporters.core.faults import faults_of
from cnnkit.exporters.core.weight_file import Array, Tensor, hash_blocks
from cnnkit.files.extents import MAX_RANK
from cnnkit.files.names import printable
from cnnkit.files.stored_file import Bytes

_BLOCK = 16 << 20
MISFIT = "does not fit its SHA-256: damaged, or changed by another program"
STEP = 1 << 20  # bytes of a file that are read at once; a multiple of every element's size


def decode_values(data: Bytes, dtype: np.dtype[Any], shape: tuple[int, ...]) -> Array:
    """Return bytes as an array in native order; `dtype` may be of either byte order.

    Raises ValueError for a bool that is neither 0 nor 1.
    """
    if dtype.kind == "b" and data.size and data.max() > 1:
        raise ValueError(f"a bool is {data.max()}, neither 0 nor 1")
    values = data.view(dtype).reshape(shape)
    return np.asarray(values, dtype.newbyteorder("="), order="C")


def stream_array(
    path: Path,
    format_name: str,
    what: str,
    blocks: Callable[[], Iterator[Bytes]],
    dtype: np.dtype[Any],
    expected: str | None = None,
) -> Generator[Array, None, str]:
    """Yield bytes of a file as flat arrays in native order, and return their SHA-256: a `Tensor.stream`.

    blocks    opens the file and yields whole elements of `dtype`, of either byte order
    expected  the SHA-256, where the file has it

    Raises WeightFileError about `what` when the bytes are not such values or do not fit the SHA-256.
    """
    with faults_of(path, format_name, what):
        digest = yield from hash_blocks(decode_values(data, dtype, (-1,)) for data in blocks())
        if expected is not None and digest != expected:
            raise ValueError(MISFIT)
    return digest


def encode_blocks(values: Array) -> Iterator[memoryview]:
    """Yield the bytes of an array, little-endian, in C order."""
    flat = np.require(values, values.dtype, "C").reshape(-1)
    step = max(_BLOCK // flat.itemsize, 1)
    for start in range(0, flat.size, step):
        block = flat[start : start + step]
        yield np.ascontiguousarray(block, block.dtype.newbyteorder("<")).view(np.uint8).data


def require_rank(tensor: Tensor) -> None:
    """Raise ExportError for more axes than a reader accepts."""
    if len(tensor.shape) > MAX_RANK:
        problem = f"at most {MAX_RANK} axes can be held, got {len(tensor.shape)}"
        raise ExportError(f"{tensor.kind} {printable(tensor.name)}: {problem}")


def read_checked(tensor: Tensor) -> Array:
    """Return the values of a tensor. Raises ExportError when they are not of the shape and type that it declares."""
    values = tensor.read()
    if values.shape != tensor.shape or values.dtype.newbyteorder("=") != carrier(tensor.dtype):
        actual = f"{values.dtype} {values.shape}"
        raise ExportError(
            f"{tensor.kind} {printable(tensor.name)}: declares {tensor.dtype} {tensor.shape}, holds {actual}"
        )
    return values
