"""The only way to untrusted HDF5 files: a worker process with limits lists and reads them."""

import functools
import json
import math
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from cnnkit.files.stored_file import Bytes
from cnnkit.files.unsafe_file import UnsafeFileError
from cnnkit.files.worker_process import PATIENCE, WORKER

_SECONDS = 2.0  # of work, in addition to what the size of the file allows
_BYTES_PER_SECOND, _LISTED_PER_SECOND = 20e6, 1e6
_TOGETHER = 8  # pieces per request
_CARRIERS = {"bfloat16": "uint16"}


class Hdf5Source(NamedTuple):
    """An HDF5 file: its path, and (begin, length) where it is a part of the file there."""

    path: str
    window: tuple[int, int] | None = None


class ListedDataset(NamedTuple):
    """A data set: name of its element type, shape, attributes.

    begin: offset in the file of its values in C order, either byte order; None where only libhdf5 can read them.
    """

    dtype: str
    shape: tuple[int, ...]
    attributes: Mapping[str, Any]
    begin: int | None = None
    big_endian: bool = False

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


class Listing(NamedTuple):
    """The content of an HDF5 file, by path without a leading slash; the root is the group "".

    Attributes are text, numbers and lists of them. Data sets of references are in `not_read` too.
    """

    groups: Mapping[str, Mapping[str, Any]]
    datasets: Mapping[str, ListedDataset]
    not_read: Mapping[str, str]
    not_followed: tuple[str, ...]
    references: Mapping[str, ListedReferences]

    @property
    def attributes(self) -> Mapping[str, Any]:
        """The attributes of the root."""
        return self.groups.get("", {})


def list_hdf5(path: str | Path, window: tuple[int, int] | None = None) -> Listing:
    """Return the content of a file, or of the HDF5 file in `window` = (begin, length) of it. No values are read.

    Raises UnsafeFileError when it is damaged, breaks a rule, or crashes the worker.
    """
    try:
        status = os.stat(path)
    except (OSError, ValueError) as error:
        raise UnsafeFileError("no such file") from error
    listed = _list(Hdf5Source(os.path.abspath(path), window), (status.st_size, status.st_mtime_ns, status.st_ino))
    if isinstance(listed, Listing):
        return listed
    raise UnsafeFileError(*listed)


@functools.lru_cache(maxsize=1)  # recognising and reading a file need the same listing
def _list(place: Hdf5Source, stamp: tuple[int, int, int]) -> Listing | tuple[str, str]:
    """Return the listing, or the text and kind of the error."""
    seconds = _SECONDS + stamp[0] / _LISTED_PER_SECOND
    try:
        answer = json.loads(b"".join(WORKER.ask(_make_request(place, None), seconds)))
    except UnsafeFileError as error:
        return str(error), error.kind
    datasets = {
        name: ListedDataset(**entry | {"shape": tuple(entry["shape"])}) for name, entry in answer["datasets"].items()
    }
    references = {
        name: ListedReferences(tuple(entry["targets"]), entry["attributes"])
        for name, entry in answer["references"].items()
    }
    return Listing(answer["groups"], datasets, answer["not_read"], tuple(answer["not_followed"]), references)


def read_values(
    path: str | Path, name: str, stored: ListedDataset, window: tuple[int, int] | None = None
) -> np.ndarray[Any, np.dtype[Any]]:
    """Return the values of the data set `name`, which was listed as `stored`, in native byte order.

    Raises UnsafeFileError as `list_hdf5`, and when the data set is another than the one that was listed.
    """
    little = stored.carrier.newbyteorder("<")
    array = np.empty(stored.shape, little)
    target, filled = array.reshape(-1).view(np.uint8), 0
    for content in stream_values(path, name, stored, window):
        target[filled : filled + len(content)] = content
        filled += len(content)
    return array.astype(little.newbyteorder("="), copy=False)


def stream_values(
    path: str | Path, name: str, stored: ListedDataset, window: tuple[int, int] | None = None
) -> Iterator[Bytes]:
    """Yield the little-endian bytes of the same values, a few MiB at a time. Raises as `read_values`.

    Each request asks for a few pieces, so that the worker is free while the caller uses them.
    """
    remaining, budget, piece = stored.nbytes, _SECONDS + stored.nbytes / _BYTES_PER_SECOND, 0
    place = Hdf5Source(os.path.abspath(path), window)
    while remaining or not piece:
        started = time.monotonic()
        contents = _collect(WORKER.ask(_make_request(place, name) | {"pieces": [piece, _TOGETHER]}, budget), remaining)
        received = sum(map(len, contents))
        if remaining and not received:
            raise UnsafeFileError("the file has changed since it was listed")
        remaining, piece = remaining - received, piece + _TOGETHER
        budget -= (time.monotonic() - started) / PATIENCE
        yield from (np.frombuffer(content, np.uint8) for content in contents)


def _collect(answer: Iterator[bytes], most: int) -> list[bytes]:
    """Return a whole answer of at most `most` bytes. Raises UnsafeFileError when it is longer."""
    contents, size = [], 0
    for content in answer:
        contents.append(content)
        size += len(content)
        if size > most:
            raise UnsafeFileError("the file has changed since it was listed")
    return contents


def _make_request(place: Hdf5Source, name: str | None) -> dict[str, Any]:
    return {"path": place.path, "window": place.window, "place": name}
