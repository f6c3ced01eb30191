"""A part of an open file, as a file of its own that h5py can read."""

import io
from typing import Any


class FilePart:
    """Bytes begin to begin + length of `stream`; beyond its end there are zeros, as in libhdf5's own driver."""

    def __init__(self, stream: io.RawIOBase, begin: int, length: int) -> None:
        self._stream, self._begin, self._length, self._position = stream, begin, length, 0

    def seek(self, offset: int, whence: int = 0) -> int:
        """Move to `offset` from the beginning (0), from here (1) or from the end (2)."""
        self._position = (0, self._position, self._length)[whence] + offset
        return self._position

    def tell(self) -> int:
        """Return the position."""
        return self._position

    def readinto(self, buffer: Any) -> int:
        """Fill `buffer`; return its size."""
        view = memoryview(buffer).cast("B")
        size, filled = max(min(len(view), self._length - self._position), 0), 0
        if size:
            self._stream.seek(self._begin + self._position)
        while filled < size and (count := self._stream.readinto(view[filled:size])):
            filled += count
        for start in range(filled, len(view), 1 << 20):
            view[start : start + (1 << 20)] = bytes(len(view[start : start + (1 << 20)]))
        self._position += len(view)
        return len(view)

    def read(self, size: int = -1) -> bytes:
        """Return up to `size` bytes."""
        remaining = max(self._length - self._position, 0)
        buffer = bytearray(remaining if size < 0 else min(size, remaining))
        self.readinto(buffer)
        return bytes(buffer)

    def close(self) -> None:
        """Close the file."""
        self._stream.close()
