"""The one door to HDF5 files of strangers: listing and reading happen in a worker process with limits."""

import functools
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from cnnkit.files.hdf5_library import UnsafeFileError
from cnnkit.files.worker_process import WORKER

_SECONDS = 2.0  # of work, beyond what the size of the file asks for
_BYTES_PER_SECOND, _LISTED_PER_SECOND = 20e6, 1e6
_CARRIERS = {"bfloat16": "uint16"}


class Place(NamedTuple):
    """Where an HDF5 file lies: a path, and where it is a part of another file, the part's begin and length."""

    path: str
    window: tuple[int, int] | None = None


class Stored(NamedTuple):
    """A data set: name of its element type, shape, attributes."""

    dtype: str
    shape: tuple[int, ...]
    attributes: Mapping[str, Any]


class Listing(NamedTuple):
    """What an HDF5 file holds, by path without a leading slash; the root is the group "".

    Attributes are text, numbers and lists of them.
    """

    groups: Mapping[str, Mapping[str, Any]]
    datasets: Mapping[str, Stored]
    not_read: Mapping[str, str]
    not_followed: tuple[str, ...]

    @property
    def attributes(self) -> Mapping[str, Any]:
        """Those of the root."""
        return self.groups.get("", {})


def list_hdf5(path: str | Path, window: tuple[int, int] | None = None) -> Listing:
    """Return what the file holds, or the HDF5 file in `window` = (begin, length) of it. No values are read.

    Raises UnsafeFileError when it is damaged, breaks a rule, or brings the worker down.
    """
    try:
        status = os.stat(path)
    except (OSError, ValueError) as error:
        raise UnsafeFileError("no such file") from error
    found = _listed(Place(os.path.abspath(path), window), (status.st_size, status.st_mtime_ns, status.st_ino))
    if isinstance(found, Listing):
        return found
    raise UnsafeFileError(*found)


@functools.lru_cache(maxsize=1)  # recognising a file and reading it ask for the same
def _listed(place: Place, stamp: tuple[int, int, int]) -> Listing | tuple[str, str]:
    """Return the listing, or text and kind of the error."""
    seconds = _SECONDS + stamp[0] / _LISTED_PER_SECOND
    try:
        answer = json.loads(b"".join(WORKER.ask(_request(place, None), seconds)))
    except UnsafeFileError as error:
        return str(error), error.kind
    datasets = {
        name: Stored(entry["dtype"], tuple(entry["shape"]), entry["attributes"])
        for name, entry in answer["datasets"].items()
    }
    return Listing(answer["groups"], datasets, answer["not_read"], tuple(answer["not_followed"]))


def read_values(
    path: str | Path, name: str, stored: Stored, window: tuple[int, int] | None = None
) -> np.ndarray[Any, np.dtype[Any]]:
    """Return the values of the data set `name`, which was listed as `stored`, in native byte order.

    Raises UnsafeFileError as `list_hdf5`, and when the data set is another than the one that was listed.
    """
    little = np.dtype(_CARRIERS.get(stored.dtype, stored.dtype)).newbyteorder("<")
    array = np.empty(stored.shape, little)
    target, filled = array.reshape(-1).view(np.uint8), 0
    seconds = _SECONDS + array.nbytes / _BYTES_PER_SECOND
    for content in WORKER.ask(_request(Place(os.path.abspath(path), window), name), seconds):
        if filled + len(content) <= array.nbytes:
            target[filled : filled + len(content)] = np.frombuffer(content, np.uint8)
        filled += len(content)
    if filled != array.nbytes:
        raise UnsafeFileError("the file has changed since it was listed")
    return array.astype(little.newbyteorder("="), copy=False)


def _request(place: Place, name: str | None) -> dict[str, Any]:
    return {"path": place.path, "window": place.window, "place": name}
