"""The files of a group of weights, read as one: a weight may begin in one and end in the next."""

from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path

import numpy as np

from cnnkit.exporters.tfjs.manifest import WeightGroup
from cnnkit.files.beside import open_beside
from cnnkit.files.stored_file import Bytes, StoredFile
from cnnkit.files.unsafe_file import UnsafeFileError


class Shards:
    """Files one after the other."""

    def __init__(self, files: list[StoredFile]) -> None:
        self._files = files
        self._ends = list(accumulate((file.size for file in files), initial=0))

    @classmethod
    def open(cls, model: Path, group: WeightGroup) -> "Shards":
        """Return the files of a group. Raises UnsafeFileError when one is not there, or they hold more or less."""
        files = [open_beside(model, path) for path in group.paths]
        held = sum(file.size for file in files)
        if group.size is not None and held != group.size:
            raise UnsafeFileError(f"its files hold {held} bytes, where its weights take {group.size}")
        return cls(files)

    def read(self, start: int, size: int) -> Bytes:
        """Return bytes, which lie inside. Raises UnsafeFileError when a file has changed."""
        values: Bytes = np.empty(size, np.uint8)
        for begin, file in zip(self._ends, self._files, strict=False):
            first, last = max(start, begin), min(start + size, begin + file.size)
            if first < last:
                values[first - start : last - start] = file.read(first - begin, last - first)
        return values

    def blocks(self, start: int, size: int, step: int) -> Iterator[Bytes]:
        """Yield the same bytes, `step` at a time."""
        for position in range(start, start + size, step):
            yield self.read(position, min(step, start + size - position))
