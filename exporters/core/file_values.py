"""Values that lie in one piece in a file: a tensor keeps where, and little else, for a file may have very many."""

import functools
from collections.abc import Generator
from typing import Any

import numpy as np

from cnnkit.exporters.core.element_types import carrier
from cnnkit.exporters.core.faults import faults_of
from cnnkit.exporters.core.raw_values import MISFIT, STEP, decode_values, stream_array
from cnnkit.exporters.core.weight_file import Array, sha256
from cnnkit.files.names import printable
from cnnkit.files.stored_file import StoredFile


class FileValues:
    """The values of a tensor called `name`, from byte `start` of a file on; two methods are those of `Tensor`.

    format_name  of the file, for errors
    dtype        of the elements, order their byte order, "<" or ">"
    expected     their SHA-256, where the file has it
    """

    __slots__ = ("_dtype", "_expected", "_file", "_format", "_name", "_order", "_shape", "_size", "_start")

    def __init__(
        self,
        file: StoredFile,
        format_name: str,
        name: str,
        start: int,
        size: int,
        dtype: str,
        shape: tuple[int, ...],
        order: str = "<",
        expected: str | None = None,
    ) -> None:
        self._file, self._format, self._name, self._start, self._size = file, format_name, name, start, size
        self._dtype, self._shape, self._order, self._expected = dtype, shape, order, expected

    def read(self) -> Array:
        """Return the values. Raises WeightFileError when they are not such values or do not fit the SHA-256."""
        with faults_of(self._file.path, self._format, self._what):
            values = decode_values(
                self._file.read(self._start, self._size), _find_stored(self._dtype, self._order), self._shape
            )
            if self._expected is not None and sha256(values) != self._expected:
                raise ValueError(MISFIT)
        return values

    def stream(self) -> Generator[Array, None, str]:
        """Yield the values flat, and return their SHA-256. Raises as `read`."""
        blocks = functools.partial(self._file.blocks, self._start, self._size, STEP)
        stored = _find_stored(self._dtype, self._order)
        return stream_array(self._file.path, self._format, self._what, blocks, stored, self._expected)

    @property
    def _what(self) -> str:
        return f"tensor {printable(self._name)}"


@functools.cache
def _find_stored(dtype: str, order: str) -> np.dtype[Any]:
    return carrier(dtype).newbyteorder("<" if order == "<" else ">")
