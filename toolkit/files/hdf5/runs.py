"""Reads values of an HDF5 data set from the file itself, at the places that the worker has listed."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import BinaryIO

import numpy as np

from cnnkit.files.hdf5.contents import ListedDataset
from cnnkit.files.stored_file import Bytes, StoredFile, fill

_STEP = 1 << 20  # bytes that are read at once; a multiple of every element's size


class StoredRuns:
    """The bytes of a data set, which lie in `file` in runs (offset, bytes) one after another."""

    def __init__(self, file: StoredFile, runs: Sequence[tuple[int, int]]) -> None:
        self._file, self._runs = file, runs
        self._begins = [0, *accumulate(size for _, size in runs)]

    @classmethod
    def of(
        cls, file: StoredFile, stored: ListedDataset, window: tuple[int, int] | None = None, verified: bool = False
    ) -> "StoredRuns | None":
        """Return the runs of a data set, or None where only the worker can read it.

        window: (begin, length) of the HDF5 file inside `file`. verified: the caller compares a checksum of its own,
        so that those of libhdf5 need not be.
        """
        begin, length = window or (0, file.size)
        if stored.runs is None or (stored.checksums and not verified):
            return None
        inside = all(0 <= offset <= length - size and size > 0 for offset, size in stored.runs)
        if not inside or sum(size for _, size in stored.runs) != stored.nbytes:
            return None
        return cls(file, [(begin + offset, size) for offset, size in stored.runs])

    def blocks(self) -> Iterator[Bytes]:
        """Yield all bytes, a MiB at most at once. Raises UnsafeFileError when the file has changed or gone."""
        with self._file.open() as stream:
            for begin in range(0, self._begins[-1], _STEP):
                block: Bytes = np.empty(min(_STEP, self._begins[-1] - begin), np.uint8)
                self._fill(stream, begin, block)
                yield block

    def read(self, parts: Sequence[tuple[int, int]]) -> Bytes:
        """Return bytes begin to end, for each (begin, end), one after another. Raises as `blocks`."""
        joined: Bytes = np.empty(sum(end - begin for begin, end in parts), np.uint8)
        filled = 0
        with self._file.open() as stream:
            for begin, end in parts:
                self._fill(stream, begin, joined[filled : filled + end - begin])
                filled += end - begin
        return joined

    def _fill(self, stream: BinaryIO, begin: int, values: Bytes) -> None:
        """Fill an array with the bytes from `begin` on."""
        index, filled = bisect_right(self._begins, begin) - 1, 0
        while filled < values.size:
            into = begin + filled - self._begins[index]
            size = min(self._runs[index][1] - into, values.size - filled)
            fill(stream, self._runs[index][0] + into, values[filled : filled + size])
            index, filled = index + 1, filled + size
