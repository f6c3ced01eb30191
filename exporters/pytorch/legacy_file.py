"""A file by torch.save before 1.6: five pickles in a row, then the storages."""

import struct
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from cnnkit.exporters.core.element_types import carrier
from cnnkit.exporters.core.weight_file import NotRead
from cnnkit.exporters.pytorch.pickle_machine import load
from cnnkit.exporters.pytorch.symbols import Storage
from cnnkit.files.stored_file import Bytes, StoredFile
from cnnkit.files.unsafe_file import UnsafeFileError

_MAGIC, _PROTOCOL = 0x1950A86A20F9469CFC6C, 1001


class TorchLegacy:
    """The fourth pickle of such a file as `document`, and its storages by key (after `locate`).

    Raises UnsafeFileError for any other pickle, for damage, and for anything but a state_dict.
    """

    def __init__(self, path: Path) -> None:
        self._file = StoredFile(path)
        self._places: dict[str, tuple[int, int]] = {}
        with self._file.open() as stream:
            if load(stream) != _MAGIC:
                raise UnsafeFileError("a pickle that torch.save did not write: it is not opened", "refused")
            protocol, system = load(stream), load(stream)
            if protocol != _PROTOCOL or not isinstance(system, dict):
                raise UnsafeFileError("a version of torch's old format that is not known")
            self.big_endian = system.get("little_endian") is False
            self.document: Any = load(stream)
            keys = load(stream)
            self._begin = stream.tell()
        if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys) or len({*keys}) != len(keys):
            raise UnsafeFileError("a list of storages that is described wrongly", "refused")
        self._keys: list[str] = keys

    def locate(self, storages: Iterable[Storage]) -> None:
        """Find every storage by the lengths before them. Raises UnsafeFileError when they do not fit."""
        kinds: dict[str, tuple[str | None, int]] = {}
        for storage in storages:
            if kinds.setdefault(storage.key, (storage.dtype, storage.elements)) != (storage.dtype, storage.elements):
                raise UnsafeFileError("a storage of two types", "refused")
        position = self._begin
        with self._file.open() as stream:
            for key in self._keys:
                dtype, count = kinds.get(key, (None, -1))
                stream.seek(position)
                data = stream.read(8)
                stored = struct.unpack(">q" if self.big_endian else "<q", data)[0] if len(data) == 8 else -1
                if dtype is None or stored != count:
                    raise UnsafeFileError(f"truncated: a storage of {count} elements expected at {position}")
                size = count * carrier(dtype).itemsize
                self._places[key] = position + 8, size
                position += 8 + size
        if position > self._file.size:
            raise UnsafeFileError(f"truncated: {position} bytes expected, {self._file.size} there")
        self._end = position

    def size(self, storage: Storage) -> int | None:
        """Return the size of a storage in bytes, or None when there is none of that key."""
        return self._places.get(storage.key, (0, None))[1]

    def read(self, storage: Storage, start: int, size: int) -> Bytes:
        """Return bytes of a storage."""
        return self._file.read(self._places[storage.key][0] + start, size)

    def blocks(self, storage: Storage, start: int, size: int, step: int) -> Iterator[Bytes]:
        """Yield the bytes that `read` returns, `step` at a time."""
        return self._file.blocks(self._places[storage.key][0] + start, size, step)

    def not_read(self, used: set[str]) -> tuple[NotRead, ...]:  # noqa: ARG002
        """Return the bytes behind the last storage."""
        behind = self._file.size - self._end
        return (NotRead("bytes behind the last storage", behind, "not part of any"),) if behind else ()
