"""A zip by torch.save since 1.6, by TorchScript or torch.package: a pickle, and a member for each storage."""

import io
from collections.abc import Iterator
from typing import Any

from cnnkit.exporters.core.pickles.operations import load
from cnnkit.exporters.core.pickles.places import MemorySource
from cnnkit.exporters.core.pickles.values import Storage
from cnnkit.exporters.core.weight_file import NotRead
from cnnkit.files.names import printable
from cnnkit.files.stored_file import Bytes
from cnnkit.files.unsafe_file import UnsafeFileError
from cnnkit.files.zips.gate import ZipGate

PICKLE = "/data.pkl"
OLD_SCRIPT = "/model.json"
PACKAGE = "/.data/extern_modules"
_LONGEST = 32 << 20
_KNOWN = ("version", "byteorder", ".format_version", ".storage_alignment", ".data/serialization_id", "data.pkl")


class TorchZip:
    """The pickle of such a file as `document`, and its storages by key.

    Raises UnsafeFileError for a damaged zip, and for TorchScript of before 1.4.
    """

    def __init__(self, archive: ZipGate) -> None:
        self._archive = archive
        self._root, pickles, self._storages = _find_parts(archive)
        order = read_small(archive, f"{self._root}/byteorder", b"little")
        if order not in {b"little", b"big"}:
            raise UnsafeFileError(f"byte order {printable(repr(order), 30)}")
        self.big_endian = order == b"big"
        self._pickle = pickles[0]
        data = read_small(archive, self._pickle)
        self.source = MemorySource(data)
        self.document: Any = load(io.BytesIO(data))

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
        known = {f"{self._root}/{name}" for name in _KNOWN} | {self._name_member(key) for key in used} | {self._pickle}
        others = [name for name in self._archive.members if name not in known and not name.endswith("/")]
        notes = []
        if others:
            unused = any(name.startswith(self._name_member("")) for name in others)  # storages of no tensor
            what = f"members of the zip such as {printable(others[0], 60)}"
            notes.append(NotRead(what, len(others), "no tensor", weights=unused))
        if self._archive.unclaimed:
            notes.append(NotRead("bytes between the members of the zip", self._archive.unclaimed, "part of none"))
        return tuple(notes)

    def _name_member(self, key: object) -> str:
        return self._storages.format(key)


def _find_parts(archive: ZipGate) -> tuple[str, list[str], str]:
    """Return the root folder, the pickle (in a list), and the pattern of a storage's name. Raises UnsafeFileError."""
    members = archive.members
    packages = [name.removesuffix(PACKAGE) for name in members if name.endswith(PACKAGE) and name.count("/") == 2]
    if packages:
        root = packages[0]
        pickles = [name for name in members if name.startswith(f"{root}/") and name.endswith(".pkl")]
        if len(pickles) != 1:
            raise UnsafeFileError(f"a torch.package with {len(pickles)} pickles, expected one: save a state_dict")
        return root, pickles, _escape(root) + "/.data/{}.storage"
    roots = [name.removesuffix(PICKLE) for name in members if name.endswith(PICKLE) and name.count("/") == 1]
    if any(name.endswith(OLD_SCRIPT) and name.count("/") == 1 for name in members) and not roots:
        raise UnsafeFileError("TorchScript of before 1.4, a program: save the state_dict of the module", "refused")
    if len(roots) != 1:
        raise UnsafeFileError(f"{len(roots)} pickles named data.pkl, expected one")
    return roots[0], [roots[0] + PICKLE], _escape(roots[0]) + "/data/{}"


def _escape(root: str) -> str:
    return root.replace("{", "{{").replace("}", "}}")


def read_small(archive: ZipGate, name: str, default: bytes | None = None) -> bytes:
    """Return a member that is kept in memory. Raises UnsafeFileError when it is missing or too long."""
    member = archive.members.get(name)
    if member is None:
        if default is None:
            raise UnsafeFileError(f"zip member {printable(name, 60)} is missing")
        return default
    if member.size > _LONGEST:
        raise UnsafeFileError(f"{printable(name, 60)} of {member.size} bytes, more than {_LONGEST}", "too_big")
    return archive.read(name).tobytes()
