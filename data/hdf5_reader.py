"""HDF5 with data sets x_train, y_train and optional x_test, y_test: images are read from the file batch by batch."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cnnkit.data.array_source import ArraySource, list_wanted, read_arrays
from cnnkit.data.dataset import Dataset
from cnnkit.data.lazy_images import LazyImages
from cnnkit.data.pixels import Images
from cnnkit.data.reading import Reading
from cnnkit.data.refusal import LABEL_BYTES, refuse, require_affordable
from cnnkit.data.stored_images import WHOLE_BYTES, require_count
from cnnkit.errors import DataError
from cnnkit.files.hdf5.cage import list_hdf5, read_rows, read_values
from cnnkit.files.hdf5.contents import ListedDataset, Listing
from cnnkit.files.hdf5.runs import StoredRuns
from cnnkit.files.names import printable
from cnnkit.files.stored_file import StoredFile
from cnnkit.files.unsafe_file import UnsafeFileError

LARGEST_LABELS = 1 << 30  # bytes; labels are read completely, images are not
_TOGETHER = 16 << 20  # bytes of images that one question to the worker process is about
_MOST_PARTS = 1000

Rows = list[tuple[int, int]]


class Hdf5Images(LazyImages):
    """Images that stay in an HDF5 file, which must not change as long as they are used; no handle is kept."""

    def __init__(self, file: StoredFile, place: str, stored: ListedDataset) -> None:
        super().__init__(stored.shape, stored.carrier.newbyteorder("="))
        self._file, self._place, self._stored = file, place, stored
        self._runs = StoredRuns.of(file, stored)

    def read(self, indices: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
        """Return the images at `indices`: each is read once, in the order of the file, runs of neighbours together."""
        unique, inverse = np.unique(indices, return_inverse=True)
        images = np.empty((len(unique), *self.shape[1:]), self.dtype)
        filled = 0
        for rows in _group(_find_neighbours(unique), max(_TOGETHER // self._count_bytes(1), 1)):
            count = sum(end - begin for begin, end in rows)
            images[filled : filled + count] = self._ask(rows)
            filled += count
        return images if np.array_equal(unique, indices) else images[inverse]

    def _ask(self, rows: Rows) -> npt.NDArray[Any]:
        with _refusals_of(self._file.path):
            if self._runs is not None:
                content = self._runs.read([(self._count_bytes(begin), self._count_bytes(end)) for begin, end in rows])
                return content.view(self._stored.carrier).reshape(-1, *self.shape[1:])
            self._file.require_same()
            return read_rows(self._file.path, self._place, self._stored, rows)

    def _count_bytes(self, rows: int) -> int:
        return rows * max(self._stored.nbytes // max(self.shape[0], 1), 1)


def _find_neighbours(indices: npt.NDArray[np.int64]) -> Rows:
    """Return (begin, end) of each run of consecutive indices, which are sorted."""
    breaks = np.flatnonzero(np.diff(indices) != 1) + 1
    firsts = np.concatenate([indices[:1], indices[breaks]])
    lasts = np.concatenate([indices[breaks - 1], indices[-1:]])
    return [(int(first), int(last) + 1) for first, last in zip(firsts, lasts, strict=True)]


def _group(rows: Rows, most: int) -> Iterator[Rows]:
    """Yield the same rows, cut and grouped so that a group has `most` rows at most."""
    group: Rows = []
    count = 0
    for begin, end in rows:
        start = begin
        while start < end:
            size = min(end - start, most - count)
            group.append((start, start + size))
            start, count = start + size, count + size
            if count == most or len(group) == _MOST_PARTS:
                yield group
                group, count = [], 0
    if group:
        yield group


def read_hdf5(name: str, path: Path, reading: Reading) -> Dataset:
    """Return the data set in an HDF5 file; its images stay in the file, so it may be larger than memory.

    The worker process reads the file. Links out of it, virtual data sets, external storage and plug-in filters are
    refused.

    Raises DataError on missing data sets, and on a file that is damaged or uses what is refused.
    """
    return read_arrays(name, Hdf5Arrays(path), reading)


class Hdf5Arrays(ArraySource):
    """The data sets of an HDF5 file: samples and large targets stay in it, other targets are read."""

    def __init__(self, path: Path) -> None:
        self.where: Path = path
        with _refusals_of(path):
            self._listing, self._file = list_hdf5(path), StoredFile(path)
        there = {*self._listing.datasets, *self._listing.not_read}
        there |= {link.partition(" (")[0] for link in self._listing.not_followed}
        self.names = [key for key in list_wanted(there) if _has(path, self._listing, key)]

    def read_samples(self, key: str) -> Hdf5Images:
        """Return the images of a data set, which stay in the file."""
        return Hdf5Images(self._file, key, self._listing.datasets[key])

    def read_targets(self, key: str, samples: int) -> Images:
        """Return targets: a row of each sample is read, arrays of more axes stay in the file."""
        stored = self._listing.datasets[key]
        if len(stored.shape) > 2 and stored.nbytes > WHOLE_BYTES:
            require_count(self.read_samples(key), samples, self.locate(key))
            return self.read_samples(key)
        return _read_labels(self.where, key, stored)

    def locate(self, key: str) -> str:
        """Return file and data set."""
        return f"{self.where}: {key}"

    def refuse_missing(self, key: str) -> Exception:
        """Return the error for a data set that is not there."""
        others = ", ".join(printable(other) for other in list(self._listing.datasets)[:8])
        return refuse(self.where, f"a data set {key}", f"data sets {others or '(none)'}")


def _has(path: Path, listing: Listing, key: str) -> bool:
    """Return whether a data set may be read. Raises DataError when there is one that must not be read, or a link."""
    problems = [
        f"not followed, {link[len(key) + 2 : -1]}" for link in listing.not_followed if link.startswith(f"{key} (")
    ]
    problems += [reason for place, reason in listing.not_read.items() if place == key]
    if problems:
        raise DataError(f"{printable(str(path), 400)}: {key}: {problems[0]}")
    return key in listing.datasets


def _read_labels(path: Path, key: str, stored: ListedDataset) -> npt.NDArray[Any]:
    if stored.nbytes > LARGEST_LABELS:
        raise refuse(f"{path}: {key}", f"labels of at most {LARGEST_LABELS} bytes", f"{stored.nbytes}")
    require_affordable(f"{path}: {key}", stored.nbytes + LABEL_BYTES * sum(stored.shape[:1]), path.stat().st_size)
    with _refusals_of(path):
        return read_values(path, key, stored)


@contextlib.contextmanager
def _refusals_of(path: Path) -> Iterator[None]:
    """Turn what is wrong with the file into a DataError."""
    try:
        yield
    except UnsafeFileError as error:
        raise DataError(f"{printable(str(path), 400)}: {error}") from None
