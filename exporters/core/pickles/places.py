"""Where the bytes of storages lie: in the pickle itself, or in the members of the file around it."""

from collections.abc import Iterator
from typing import Literal, Protocol

import numpy as np

from cnnkit.exporters.core.pickles.encoded_bytes import decode_bytes
from cnnkit.exporters.core.pickles.values import Blob, Storage
from cnnkit.files.stored_file import Bytes
from cnnkit.files.unsafe_file import UnsafeFileError


class ByteSource(Protocol):
    """Bytes of which parts are read later: a file, or what is in memory."""

    def read(self, start: int, size: int) -> Bytes:
        """Return bytes start to start + size, which lie inside."""
        ...

    def blocks(self, start: int, size: int, step: int) -> Iterator[Bytes]:
        """Yield the same bytes, `step` at a time."""
        ...


class Members(Protocol):
    """The storages of a file around a pickle, by their keys."""

    big_endian: bool

    def size(self, storage: Storage) -> int | None:
        """Return the size of a storage in bytes, or None when there is none of that key."""
        ...

    def read(self, storage: Storage, start: int, size: int) -> Bytes:
        """Return bytes of a storage."""
        ...

    def blocks(self, storage: Storage, start: int, size: int, step: int) -> Iterator[Bytes]:
        """Yield the bytes that `read` returns, `step` at a time."""
        ...


class MemorySource:
    """A pickle that is in memory."""

    def __init__(self, data: bytes) -> None:
        self._data: Bytes = np.frombuffer(data, np.uint8)

    def read(self, start: int, size: int) -> Bytes:
        """Return bytes start to start + size."""
        return self._data[start : start + size]

    def blocks(self, start: int, size: int, step: int) -> Iterator[Bytes]:
        """Yield the same bytes, `step` at a time."""
        for position in range(start, start + size, step):
            yield self._data[position : min(position + step, start + size)]


class Places:
    """All storages of a file: those in the pickle that `source` holds, and those of `members`."""

    def __init__(self, source: ByteSource, members: Members | None = None) -> None:
        self._source, self._members = source, members

    def order(self, storage: Storage) -> Literal["<", ">"]:
        """Return the order of a storage's bytes: < or >."""
        if storage.order:
            return ">" if storage.order == ">" else "<"
        return ">" if self._members is not None and self._members.big_endian else "<"

    def size(self, storage: Storage) -> int | None:
        """Return the size of a storage in bytes, or None when there is none; of encoded bytes, what is expected."""
        if isinstance(storage.key, Blob):
            return storage.key.size if storage.key.form == "raw" else storage.nbytes
        return None if self._members is None else self._members.size(storage)

    def read(self, storage: Storage, start: int, size: int) -> Bytes:
        """Return bytes of a storage. Raises UnsafeFileError."""
        if not isinstance(storage.key, Blob):
            return self._require_members(storage).read(storage, start, size)
        blob = storage.key
        if blob.data is None and blob.form == "raw":
            return self._source.read(blob.start + start, size)
        data = blob.data if blob.data is not None else self._decode(blob, storage)
        return np.frombuffer(data, np.uint8)[start : start + size]

    def blocks(self, storage: Storage, start: int, size: int, step: int) -> Iterator[Bytes]:
        """Yield the bytes that `read` returns, `step` at a time."""
        if not isinstance(storage.key, Blob):
            yield from self._require_members(storage).blocks(storage, start, size, step)
        elif storage.key.data is None and storage.key.form == "raw":
            yield from self._source.blocks(storage.key.start + start, size, step)
        else:
            yield self.read(storage, start, size)

    def _decode(self, blob: Blob, storage: Storage) -> bytes:
        data = decode_bytes(self._source.read(blob.start, blob.size).tobytes(), blob.form)
        if len(data) != storage.nbytes:
            raise UnsafeFileError(f"an array of {storage.nbytes} bytes with {len(data)} bytes of values")
        return data

    def _require_members(self, storage: Storage) -> Members:
        if self._members is None:
            raise UnsafeFileError(f"storage {storage.key}: not in the file")
        return self._members
