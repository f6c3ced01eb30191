"""The one door through which cnnkit reads zip files: nothing is unpacked to the disk, or beyond what is declared."""

import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np

from cnnkit.files.hdf5_library import UnsafeFileError
from cnnkit.files.names import printable
from cnnkit.files.stored_file import Bytes, StoredFile, read_exactly
from cnnkit.files.zip_directory import Member, read_members

_BLOCK = 1 << 18


class ZipGate:
    """A zip of which every header has been compared and no member unfolded.

    members    {name: Member} in the order of the directory
    unclaimed  bytes of the file that belong to no member

    Raises UnsafeFileError for a zip that is damaged, contradicts itself (refused) or unfolds to too much (too_big).
    """

    def __init__(self, path: Path) -> None:
        self._file = StoredFile(path)
        self._sound: set[str] = set()
        with self._file.open() as stream:
            self.members, self.unclaimed = read_members(stream, self._file.size)

    def peek(self, name: str, size: int) -> bytes:
        """Return the first bytes of a member, at most `size`; its check sum is not looked at."""
        member, found = self.members[name], bytearray()
        with self._file.open() as stream:
            for block in _blocks(stream, member):
                found += block
                if len(found) >= size:
                    break
        return bytes(found[:size])

    def read(self, name: str, start: int = 0, size: int | None = None) -> Bytes:
        """Return bytes of a member, from `start` on, which the caller knows to be inside.

        The whole member is compared with its check sum, once. Raises UnsafeFileError when it is damaged.
        """
        member = self.members[name]
        size = member.size - start if size is None else size
        with self._file.open() as stream:
            if name in self._sound and not member.deflated:
                return read_exactly(stream, member.start + start, size)
            values: Bytes = np.empty(size, np.uint8)
            position = crc = 0
            for block in _blocks(stream, member):
                crc = zlib.crc32(block, crc)
                begin, end = max(position, start), min(position + len(block), start + size)
                if begin < end:
                    values[begin - start : end - start] = np.frombuffer(block, np.uint8)[
                        begin - position : end - position
                    ]
                position += len(block)
        if crc != member.crc:
            raise UnsafeFileError(f"zip member {printable(name)} does not fit its check sum (CRC-32): damaged")
        self._sound.add(name)
        return values


def member_names(path: Path, head: bytes) -> tuple[str, ...]:
    """Return the names of a zip's members, or, of one that must not be read, the first; for telling formats apart."""
    if not head.startswith(b"PK\3\4"):
        return ()
    try:
        return tuple(ZipGate(path).members)
    except UnsafeFileError:
        length = int.from_bytes(head[26:28], "little")
        return (head[30 : 30 + length].decode("utf-8", "replace"),)


def _blocks(stream: BinaryIO, member: Member) -> Iterator[bytes]:
    """Yield what a member unfolds to. Raises UnsafeFileError unless it is as many bytes as declared."""
    stream.seek(member.start)
    left, total = member.stored, 0
    unfold = zlib.decompressobj(-15) if member.deflated else None
    while left:
        block = stream.read(min(_BLOCK, left))
        if not block:
            raise _damaged(member, "is cut")
        left -= len(block)
        if unfold is None:
            yield block
            continue
        while block:
            try:
                out = unfold.decompress(block, _BLOCK)
            except zlib.error as error:
                raise _damaged(member, f"cannot be unfolded: {error}") from error
            total += len(out)
            if total > member.size:
                raise _damaged(member, f"unfolds to more than its {member.size} bytes")
            if out:
                yield out
            block = unfold.unconsumed_tail
            if unfold.eof:
                break
        if unfold.eof:
            break
    if unfold is None:
        return
    out = b"" if unfold.eof else unfold.flush()
    if total + len(out) != member.size or not unfold.eof or unfold.unused_data or left:
        raise _damaged(member, f"unfolds to {total} bytes where {member.size} are declared")
    if out:
        yield out


def _damaged(member: Member, problem: str) -> UnsafeFileError:
    return UnsafeFileError(f"zip member {printable(member.name)} {problem}")
