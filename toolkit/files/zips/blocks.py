"""Unpacks one member of a zip block by block, and compares it with its checksum."""

import zlib
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np

from cnnkit.files.names import printable
from cnnkit.files.stored_file import Bytes
from cnnkit.files.unsafe_file import UnsafeFileError
from cnnkit.files.zips.directory import Member

_BLOCK = 1 << 18


class CheckedBlocks:
    """Reads the bytes of a member in order, and computes their checksum."""

    def __init__(self, stream: BinaryIO, member: Member) -> None:
        self._blocks, self._member = unfold_blocks(stream, member), member
        self._block, self._crc = memoryview(b""), 0

    def fill(self, values: Bytes) -> None:
        """Fill an array with the next bytes; the caller stays within the declared size."""
        filled = 0
        while filled < values.size:
            part = self._take(values.size - filled)
            values[filled : filled + len(part)] = np.frombuffer(part, np.uint8)
            filled += len(part)

    def skip(self, size: int) -> None:
        """Skip bytes."""
        while size:
            size -= len(self._take(size))

    def finish(self) -> None:
        """Read the rest. Raises UnsafeFileError when the member does not fit its checksum."""
        for block in self._blocks:
            self._crc = zlib.crc32(block, self._crc)
        if self._crc != self._member.crc:
            raise _damaged(self._member, "does not fit its checksum (CRC-32): damaged")

    def _take(self, most: int) -> memoryview:
        if not self._block:
            block = next(self._blocks, b"")
            if not block:
                raise _damaged(self._member, "is cut")
            self._crc = zlib.crc32(block, self._crc)
            self._block = memoryview(block)
        part, self._block = self._block[:most], self._block[most:]
        return part


def unfold_blocks(stream: BinaryIO, member: Member) -> Iterator[bytes]:
    """Yield the unpacked bytes of a member. Raises UnsafeFileError unless they are as many as declared."""
    stream.seek(member.start)
    remaining, total = member.stored, 0
    unfold = zlib.decompressobj(-15) if member.deflated else None
    while remaining:
        block = stream.read(min(_BLOCK, remaining))
        if not block:
            raise _damaged(member, "is cut")
        remaining -= len(block)
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
    if total + len(out) != member.size or not unfold.eof or unfold.unused_data or remaining:
        raise _damaged(member, f"unfolds to {total} bytes where {member.size} are declared")
    if out:
        yield out


def _damaged(member: Member, problem: str) -> UnsafeFileError:
    return UnsafeFileError(f"zip member {printable(member.name)} {problem}")
