"""What one member of a zip unfolds to, block by block, and whether that fits its check sum."""

import zlib
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np

from cnnkit.files.names import printable
from cnnkit.files.stored_file import Bytes
from cnnkit.files.unsafe_file import UnsafeFileError
from cnnkit.files.zip_directory import Member

_BLOCK = 1 << 18


class CheckedBlocks:
    """The bytes of a member as they come, and their check sum."""

    def __init__(self, stream: BinaryIO, member: Member) -> None:
        self._blocks, self._member = blocks_of(stream, member), member
        self._block, self._crc = memoryview(b""), 0

    def fill(self, values: Bytes) -> None:
        """Fill an array with the next bytes, which are there: a member is of the size that it declares."""
        filled = 0
        while filled < values.size:
            part = self._next(values.size - filled)
            values[filled : filled + len(part)] = np.frombuffer(part, np.uint8)
            filled += len(part)

    def skip(self, size: int) -> None:
        """Pass over bytes."""
        while size:
            size -= len(self._next(size))

    def finish(self) -> None:
        """Read the rest. Raises UnsafeFileError when all does not fit the check sum."""
        for block in self._blocks:
            self._crc = zlib.crc32(block, self._crc)
        if self._crc != self._member.crc:
            raise _damaged(self._member, "does not fit its check sum (CRC-32): damaged")

    def _next(self, most: int) -> memoryview:
        if not self._block:
            block = next(self._blocks, b"")
            if not block:
                raise _damaged(self._member, "is cut")
            self._crc = zlib.crc32(block, self._crc)
            self._block = memoryview(block)
        part, self._block = self._block[:most], self._block[most:]
        return part


def blocks_of(stream: BinaryIO, member: Member) -> Iterator[bytes]:
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
