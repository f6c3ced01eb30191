"""The only way in which cnnkit reads zip files: nothing is unpacked to the disk, or beyond what is declared."""

import functools
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from cnnkit.files.regular_file import identify, open_regular
from cnnkit.files.stored_file import Bytes, StoredFile, read_exactly
from cnnkit.files.unsafe_file import UnsafeFileError
from cnnkit.files.zips.blocks import CheckedBlocks, unfold_blocks
from cnnkit.files.zips.directory import read_members

_MARK = b"PK\3\4"


class ZipGate:
    """A zip whose headers have all been checked; no member is unpacked yet.

    members    {name: Member} in the order of the directory
    unclaimed  number of bytes that belong to no member

    Raises UnsafeFileError for a zip that is damaged, contradicts itself (refused) or unpacks to too much (too_big).
    """

    def __init__(self, path: Path) -> None:
        self._file = StoredFile(path)
        self._sound: set[str] = set()
        with self._file.open() as stream:
            self.members, self.unclaimed = read_members(stream, self._file.size)

    @property
    def size(self) -> int:
        """The bytes of the file."""
        return self._file.size

    def peek(self, name: str, size: int) -> bytes:
        """Return the first bytes of a member, at most `size`, without its checksum."""
        member, content = self.members[name], bytearray()
        with self._file.open() as stream:
            for block in unfold_blocks(stream, member):
                content += block
                if len(content) >= size:
                    break
        return bytes(content[:size])

    def read(self, name: str, start: int = 0, size: int | None = None) -> Bytes:
        """Return `size` bytes of a member from `start` on, which must lie inside.

        The whole member is compared with its checksum, once. Raises UnsafeFileError when it is damaged.
        """
        member = self.members[name]
        size = member.size - start if size is None else size
        values: Bytes = np.empty(size, np.uint8)
        with self._file.open() as stream:
            if name in self._sound and not member.deflated:
                return read_exactly(stream, member.start + start, size)
            content = CheckedBlocks(stream, member)
            content.skip(start)
            content.fill(values)
            content.finish()
        self._sound.add(name)
        return values

    def blocks(self, name: str, start: int, size: int, step: int) -> Iterator[Bytes]:
        """Yield the bytes that `read` returns, `step` at a time. A wrong checksum is raised at the end."""
        member = self.members[name]
        if name in self._sound and not member.deflated:
            yield from self._file.blocks(member.start + start, size, step)
            return
        with self._file.open() as stream:
            content = CheckedBlocks(stream, member)
            content.skip(start)
            while size:
                values: Bytes = np.empty(min(step, size), np.uint8)
                content.fill(values)
                size -= values.size
                yield values
            content.finish()
        self._sound.add(name)


def open_zip(path: Path) -> ZipGate:
    """Return the gate of a zip; while the file stays the same, it is parsed once to recognise it and to read it."""
    return _parse(path, identify(os.stat(path)))


@functools.lru_cache(maxsize=1)
def _parse(path: Path, stamp: tuple[int, int, int]) -> ZipGate:  # noqa: ARG001 (a part of the key)
    return ZipGate(path)


def is_zip(path: Path) -> bool:
    """Return whether a file begins as a zip with at least one member does."""
    with open_regular(path) as stream:
        return stream.read(len(_MARK)) == _MARK


def read_member_names(path: Path, head: bytes) -> tuple[str, ...]:
    """Return the names of a zip's members; of one that must not be read, the first name. For recognising formats."""
    if not head.startswith(_MARK):
        return ()
    try:
        return tuple(open_zip(path).members)
    except UnsafeFileError:
        length = int.from_bytes(head[26:28], "little")
        return (head[30 : 30 + length].decode("utf-8", "replace"),)
