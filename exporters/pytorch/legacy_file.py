"""A file by torch.save before 1.6: five pickles in a row, then the storages."""

import functools
import struct
from collections.abc import Iterator
from pathlib import Path

from cnnkit.exporters.core.element_types import carrier
from cnnkit.exporters.core.pickles.operations import load
from cnnkit.exporters.core.pickles.torch_stream import read_stream
from cnnkit.exporters.core.pickles.values import Storage
from cnnkit.exporters.core.weight_file import NotRead
from cnnkit.files.stored_file import Bytes, StoredFile
from cnnkit.files.unsafe_file import UnsafeFileError


class TorchLegacy:
    """The fourth pickle of such a file as `document`, and its storages by key.

    Raises UnsafeFileError for any other pickle and for damage.
    """

    def __init__(self, path: Path) -> None:
        self.file = StoredFile(path)
        storages: list[Storage] = []
        with self.file.open() as stream:
            head = read_stream(stream, functools.partial(load, storages=storages))
        self.document, self.big_endian = head.document, head.big_endian
        self._places: dict[str, tuple[int, int]] = {}
        self._end = self._locate(head.keys, head.begin, storages)

    def _locate(self, keys: list[str], position: int, storages: list[Storage]) -> int:
        """Find every storage by the lengths before them; return the place behind the last one.

        Raises UnsafeFileError when they do not fit what the pickle says of them.
        """
        kinds: dict[str, tuple[str | None, int]] = {}
        for storage in storages:
            kind = storage.dtype, storage.elements
            if kinds.setdefault(str(storage.key), kind) != kind:
                raise UnsafeFileError("a storage of two types", "refused")
        with self.file.open() as stream:
            for key in keys:
                dtype, count = kinds.get(key, (None, -1))
                stream.seek(position)
                data = stream.read(8)
                stored = struct.unpack(">q" if self.big_endian else "<q", data)[0] if len(data) == 8 else -1
                if stored != count or count < 0:
                    raise UnsafeFileError(f"truncated: a storage of {count} elements expected at {position}")
                size = count * (1 if dtype is None else carrier(dtype).itemsize)
                self._places[key] = position + 8, size
                position += 8 + size
        if position > self.file.size:
            raise UnsafeFileError(f"truncated: {position} bytes expected, {self.file.size} there")
        return position

    def size(self, storage: Storage) -> int | None:
        """Return the size of a storage in bytes, or None when there is none of that key."""
        return self._places.get(str(storage.key), (0, None))[1]

    def read(self, storage: Storage, start: int, size: int) -> Bytes:
        """Return bytes of a storage."""
        return self.file.read(self._places[str(storage.key)][0] + start, size)

    def blocks(self, storage: Storage, start: int, size: int, step: int) -> Iterator[Bytes]:
        """Yield the bytes that `read` returns, `step` at a time."""
        return self.file.blocks(self._places[str(storage.key)][0] + start, size, step)

    def not_read(self) -> tuple[NotRead, ...]:
        """Return the bytes behind the last storage."""
        behind = self.file.size - self._end
        return (NotRead("bytes behind the last storage", behind, "not part of any"),) if behind else ()
