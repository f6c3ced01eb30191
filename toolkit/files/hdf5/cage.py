"""The only way in which cnnkit reads HDF5: a worker process with limits lists a file and reads its values.

libhdf5 trusts its input, and a mark in a file grants nothing: cnnkit's own files are read in this way too. In the
process that asks, libhdf5 writes at most.
"""

import functools
import itertools
import json
import math
import os
import time
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from cnnkit.files.hdf5.contents import ListedDataset, ListedReferences, ListedText, Listing
from cnnkit.files.hdf5.request import Hdf5Place, ask_about, open_hdf5
from cnnkit.files.hdf5.worker_process import PATIENCE
from cnnkit.files.limits import widen
from cnnkit.files.regular_file import identify
from cnnkit.files.stored_file import Bytes
from cnnkit.files.unsafe_file import UnsafeFileError

_SECONDS, _MOST_SECONDS = 0.5, 60.0  # of work: beside what the size of the file allows; of that for a listing
_BYTES_PER_SECOND, _LISTED_PER_SECOND = 20e6, 0.3e6
_LIST_MEMORY, _VALUE_MEMORY, _MOST_MEMORY = 64 << 20, 96 << 20, 512 << 20  # bytes beyond those at its start
_MEMORY_RATIO, _CHUNK_COPIES = 8, 3  # bytes of memory for each of the file, and of its largest chunk
_TOGETHER = 8  # pieces per request
_MOST_LISTING = 128 << 20  # bytes, as the worker has it
_END = 512 << 10  # bytes


def list_hdf5(path: str | Path, window: tuple[int, int] | None = None) -> Listing:
    """Return the content of a file, or of the HDF5 file in `window` = (begin, length) of it. No values are read.

    Raises UnsafeFileError when it is damaged, breaks a rule, or ends the worker.
    """
    place = Hdf5Place(os.path.abspath(path), window)
    with open_hdf5(place.path) as stream:
        stamp = _stamp(stream)
    listed = _list(place, stamp)
    if isinstance(listed, Listing):
        return listed
    raise UnsafeFileError(*listed)


@functools.lru_cache(maxsize=1)  # recognising and reading a file need the same listing
def _list(place: Hdf5Place, stamp: tuple[int, ...]) -> Listing | tuple[str, str]:
    """Return the listing, or the text and kind of the error."""
    size = stamp[0]
    memory = widen(_LIST_MEMORY + min(_MEMORY_RATIO * size, _MOST_MEMORY))
    seconds = widen(_SECONDS + min(size / _LISTED_PER_SECOND, _MOST_SECONDS))
    try:
        parts = ask_about(place, {"wish": "listing"}, seconds, memory, _MOST_LISTING)
    except UnsafeFileError as error:
        return str(error), error.kind
    answer = json.loads(b"".join(parts))
    datasets = {name: _read_entry(entry) for name, entry in answer["datasets"].items()}
    references = {
        name: ListedReferences(tuple(entry["targets"]), entry["attributes"])
        for name, entry in answer["references"].items()
    }
    texts = {name: ListedText(**entry) for name, entry in answer["texts"].items()}
    return Listing(answer["groups"], datasets, answer["not_read"], tuple(answer["not_followed"]), references, texts)


def _read_entry(entry: dict[str, Any]) -> ListedDataset:
    runs = tuple((begin, size) for begin, size in entry["runs"]) if "runs" in entry else None
    return ListedDataset(**entry | {"shape": tuple(entry["shape"]), "runs": runs})


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
    remaining, piece = stored.nbytes, 0
    budget = widen(_SECONDS + stored.nbytes / _BYTES_PER_SECOND)
    place = Hdf5Place(os.path.abspath(path), window)
    while remaining or not piece:
        started = time.monotonic()
        request = {"wish": "values", "place": name, "which": [piece, _TOGETHER]}
        contents = ask_about(place, request, budget, _count_memory(stored), remaining)
        received = sum(map(len, contents))
        if remaining and not received:
            raise UnsafeFileError("the file has changed since it was listed")
        remaining, piece = remaining - received, piece + _TOGETHER
        spent = (time.monotonic() - started) / PATIENCE
        budget = max(budget - spent, _SECONDS)  # the time while this process was stopped was not the file's
        yield from (np.frombuffer(content, np.uint8) for content in contents)


def read_several(
    path: str | Path, which: Mapping[str, ListedDataset], window: tuple[int, int] | None = None
) -> dict[str, Bytes]:
    """Return the little-endian bytes of small data sets in one request. Raises as `read_values`.

    The caller keeps them few, and asks for each alone where that fails.
    """
    size = sum(stored.nbytes for stored in which.values())
    seconds = widen(_SECONDS + sum(stored.nbytes + stored.chunk for stored in which.values()) / _BYTES_PER_SECOND)
    memory = max(map(_count_memory, which.values()))
    request = {"wish": "several", "places": list(which)}
    content = np.frombuffer(
        b"".join(ask_about(Hdf5Place(os.path.abspath(path), window), request, seconds, memory, size)), np.uint8
    )
    if content.size != size:
        raise UnsafeFileError("the file has changed since it was listed")
    ends = itertools.accumulate(stored.nbytes for stored in which.values())
    return {name: content[end - stored.nbytes : end] for (name, stored), end in zip(which.items(), ends, strict=True)}


def read_rows(
    path: str | Path, name: str, stored: ListedDataset, which: Sequence[tuple[int, int]]
) -> np.ndarray[Any, np.dtype[Any]]:
    """Return rows begin to end along the first axis, for each (begin, end), one after another. Raises as `read_values`.

    The caller keeps them few: they are in memory twice.
    """
    shape = (sum(end - begin for begin, end in which), *stored.shape[1:])
    little = stored.carrier.newbyteorder("<")
    size = math.prod(shape) * little.itemsize
    request = {"wish": "rows", "place": name, "which": [list(pair) for pair in which]}
    place = Hdf5Place(os.path.abspath(path))
    unpacked = max(len(which), 1) * stored.chunk + size
    seconds = widen(_SECONDS + unpacked / _BYTES_PER_SECOND)
    content = b"".join(ask_about(place, request, seconds, _count_memory(stored), size))
    if len(content) != size:
        raise UnsafeFileError("the file has changed since it was listed")
    return np.frombuffer(content, little).reshape(shape).astype(little.newbyteorder("="), copy=False)


def read_text(path: str | Path, name: str, stored: ListedText) -> bytes:
    """Return a text that was listed as `stored`, and that only libhdf5 can read. Raises as `read_values`."""
    request = {"wish": "text", "place": name}
    place = Hdf5Place(os.path.abspath(path))
    return b"".join(ask_about(place, request, widen(_SECONDS), widen(_VALUE_MEMORY), stored.size))


def _count_memory(stored: ListedDataset) -> int:
    return widen(_VALUE_MEMORY + _CHUNK_COPIES * stored.chunk)


def _stamp(stream: BinaryIO) -> tuple[int, ...]:
    """Return what tells this state of a file from another: also its ends, because times of files are coarse."""
    status = os.fstat(stream.fileno())
    ends = zlib.crc32(stream.read(_END))
    stream.seek(max(status.st_size - _END, _END))
    ends = zlib.crc32(stream.read(_END), ends)
    return *identify(status), ends
