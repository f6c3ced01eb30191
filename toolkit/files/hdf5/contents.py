"""What a listing of an HDF5 file holds: data sets, texts, references, attributes, and what is not read."""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

_CARRIERS = {"bfloat16": "uint16"}


class ListedDataset(NamedTuple):
    """A data set: name of its element type, shape, attributes.

    runs: (offset in the file, bytes) of its values in C order, either byte order; None where only libhdf5 can read it.
    checksums: whether libhdf5 would compare a checksum of each run, which is not a part of it.
    chunk: bytes that are unpacked at once.
    """

    dtype: str
    shape: tuple[int, ...]
    attributes: Mapping[str, Any]
    runs: tuple[tuple[int, int], ...] | None = None
    checksums: bool = False
    big_endian: bool = False
    chunk: int = 0

    @property
    def carrier(self) -> np.dtype[Any]:
        """The NumPy type of the values as they lie in the file."""
        return np.dtype(_CARRIERS.get(self.dtype, self.dtype)).newbyteorder(">" if self.big_endian else "<")

    @property
    def nbytes(self) -> int:
        """The number of bytes of the values."""
        return math.prod(self.shape) * self.carrier.itemsize


class ListedReferences(NamedTuple):
    """A data set of references of a MATLAB file: paths of its targets in C order, "" for none, and attributes."""

    targets: tuple[str, ...]
    attributes: Mapping[str, Any]


class ListedText(NamedTuple):
    """One text of fixed length: bytes, offset in the file (None where only libhdf5 can read it), attributes."""

    size: int
    begin: int | None
    attributes: Mapping[str, Any]


class Listing(NamedTuple):
    """The content of an HDF5 file, by path without a leading slash; the root is the group "".

    Attributes are text, numbers and lists of them. Data sets of references and texts are in `not_read` too.
    """

    groups: Mapping[str, Mapping[str, Any]]
    datasets: Mapping[str, ListedDataset]
    not_read: Mapping[str, str]
    not_followed: tuple[str, ...]
    references: Mapping[str, ListedReferences]
    texts: Mapping[str, ListedText]

    @property
    def attributes(self) -> Mapping[str, Any]:
        """The attributes of the root."""
        return self.groups.get("", {})
