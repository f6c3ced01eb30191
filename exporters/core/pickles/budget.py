"""What reading a pickle may take, in operations and in memory: those inside it take from the same budget."""

from typing import Any

from cnnkit.exporters.core.pickles.values import Blob
from cnnkit.files.unsafe_file import UnsafeFileError

# A tensor takes about 30 operations and 80 bytes; about a million operations run per second.
_FREE_OPERATIONS, _BYTES_PER_OPERATION, _MOST_OPERATIONS = 600_000, 2, 5_000_000
_FREE_COPIES, _COPIES_PER_BYTE = 64 << 20, 4  # bytes that calls may copy: of any pickle; per byte of it
_ITEM = 64  # bytes of an item of a container


class Budget:
    """What is left for a pickle of `size` bytes.

    A few operations can call a name with one long argument again and again, so what calls copy is counted as well.
    """

    def __init__(self, size: int) -> None:
        self._most = min(max(_FREE_OPERATIONS, size // _BYTES_PER_OPERATION), _MOST_OPERATIONS)
        self._operations, self._copies = 0, _FREE_COPIES + _COPIES_PER_BYTE * size

    def count_operation(self) -> None:
        """Take an operation. Raises UnsafeFileError when there were too many."""
        self._operations += 1
        if self._operations > self._most:
            raise UnsafeFileError(f"a pickle of more than {self._most} operations", "too_big")

    def count_arguments(self, arguments: Any) -> None:
        """Take what a call with these arguments may copy. Raises UnsafeFileError when it is too much."""
        self._copies -= _measure(arguments)
        if isinstance(arguments, tuple):
            self._copies -= sum(map(_measure, arguments))
        if self._copies < 0:
            raise UnsafeFileError("a pickle that copies long values again and again", "too_big")


def _measure(value: Any) -> int:
    if isinstance(value, str):
        return len(value)
    if isinstance(value, Blob):
        return value.size
    return _ITEM * len(value) if isinstance(value, dict | list) or type(value) is tuple else 0
