"""Small tensors of HDF5 files that are read one after the other: the worker process is asked for several at once."""

from pathlib import Path

from cnnkit.files.hdf5.cage import read_several
from cnnkit.files.hdf5.contents import ListedDataset
from cnnkit.files.stored_file import Bytes
from cnnkit.files.unsafe_file import UnsafeFileError

_SMALL = 64 << 10  # bytes of a data set, and of its chunks
_MOST, _TOGETHER = 512 << 10, 64  # bytes and data sets in one request


class ReadAhead:
    """The small data sets of a file in the order in which they are likely to be read."""

    def __init__(self, path: Path, window: tuple[int, int] | None) -> None:
        self._path, self._window = path, window
        self._small: list[tuple[str, ListedDataset]] = []
        self._indices: dict[str, int] = {}
        self._next = 0  # the index after those that were asked for
        self._ready: dict[str, Bytes] = {}
        self._works = True

    def note(self, place: str, stored: ListedDataset) -> None:
        """Note that `place` will be read after those before, if it is small."""
        if stored.nbytes <= _SMALL and stored.chunk <= _SMALL and place not in self._indices:
            self._indices[place] = len(self._small)
            self._small.append((place, stored))

    def take(self, place: str) -> Bytes | None:
        """Return the bytes of a data set, None where it is not small, or was not to be expected, or cannot be read."""
        if place in self._ready or place not in self._indices or not self._works:
            return self._ready.get(place)
        begin = self._indices[place]
        expected, self._next = begin == self._next, begin + 1
        if not expected:
            return None
        several, size = dict[str, ListedDataset](), 0
        for name, stored in self._small[begin : begin + _TOGETHER]:
            size += stored.nbytes + stored.chunk
            if several and size > _MOST:
                break
            several[name] = stored
        try:
            self._ready = read_several(self._path, several, self._window)
        except UnsafeFileError:  # asking for each alone tells which it is
            self._ready, self._works = {}, False
            return None
        self._next = begin + len(several)
        return self._ready[place]
