"""A file by torch.save since 1.6: a zip with a pickle and a member for each storage."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cnnkit.exporters.core.weight_file import NotRead
from cnnkit.exporters.pytorch.pickle_machine import load
from cnnkit.exporters.pytorch.symbols import Storage
from cnnkit.files.names import printable
from cnnkit.files.stored_file import Bytes
from cnnkit.files.unsafe_file import UnsafeFileError
from cnnkit.files.zip_gate import open_zip

PICKLE = "/data.pkl"
SCRIPT = ("/constants.pkl", "/model.json")
_LONGEST = 32 << 20
_KNOWN = ("version", "byteorder", ".format_version", ".storage_alignment", ".data/serialization_id", "data.pkl")


class TorchZip:
    """The pickle of such a file as `document`, and its storages by key.

    Raises UnsafeFileError for a damaged zip, for TorchScript, and for anything but a state_dict.
    """

    def __init__(self, path: Path) -> None:
        self._archive = open_zip(path)
        members = self._archive.members
        roots = [name.removesuffix(PICKLE) for name in members if name.endswith(PICKLE) and name.count("/") == 1]
        if any(name.endswith(SCRIPT) or "/code/" in name for name in members):
            raise UnsafeFileError("TorchScript, a program: save the state_dict of the module instead", "refused")
        if len(roots) != 1:
            raise UnsafeFileError(f"{len(roots)} pickles named data.pkl, expected one")
        self._root = roots[0]
        order = self._read_small("byteorder", b"little")
        if order not in {b"little", b"big"}:
            raise UnsafeFileError(f"byte order {printable(repr(order), 30)}")
        self.big_endian = order == b"big"
        self.document: Any = load(io.BytesIO(self._read_small("data.pkl")))

    def size(self, storage: Storage) -> int | None:
        """Return the size of a storage in bytes, or None when there is none of that key."""
        member = self._archive.members.get(self._name_member(storage.key))
        return None if member is None else member.size

    def read(self, storage: Storage, start: int, size: int) -> Bytes:
        """Return bytes of a storage; the whole storage is compared with its checksum, once."""
        return self._archive.read(self._name_member(storage.key), start, size)

    def blocks(self, storage: Storage, start: int, size: int, step: int) -> Iterator[Bytes]:
        """Yield the bytes that `read` returns, `step` at a time; a wrong checksum is raised at the end."""
        return self._archive.blocks(self._name_member(storage.key), start, size, step)

    def not_read(self, used: set[str]) -> tuple[NotRead, ...]:
        """Return everything in the file but the storages with the keys `used`."""
        known = {f"{self._root}/{name}" for name in _KNOWN} | {self._name_member(key) for key in used}
        others = [name for name in self._archive.members if name not in known and not name.endswith("/")]
        notes = []
        if others:
            unused = any(name.startswith(self._name_member("")) for name in others)  # storages of no tensor
            what = f"members of the zip such as {printable(others[0], 60)}"
            notes.append(NotRead(what, len(others), "no tensor", weights=unused))
        if self._archive.unclaimed:
            notes.append(NotRead("bytes between the members of the zip", self._archive.unclaimed, "part of none"))
        return tuple(notes)

    def _name_member(self, key: str) -> str:
        return f"{self._root}/data/{key}"

    def _read_small(self, name: str, default: bytes | None = None) -> bytes:
        full = f"{self._root}/{name}"
        member = self._archive.members.get(full)
        if member is None and default is not None:
            return default
        if member is not None and member.size > _LONGEST:
            raise UnsafeFileError(f"{name} of {member.size} bytes, more than {_LONGEST}", "too_big")
        return self._archive.read(full).tobytes()
