"""One form for all errors in images and labels: where, what was expected, what was found, what to do."""

from cnnkit.errors import DataError
from cnnkit.files.names import printable

FREE_BYTES = 64 << 20  # to which any compressed file may unpack, however small it is
LARGEST_RATIO = 100  # above that, largest unpacked size over stored size
LABEL_BYTES = 8  # of a label in memory, however narrow it is stored


def refuse(where: object, expected: str, got: str, hint: str = "") -> DataError:
    """Return the error `where: expected ..., got ...: hint`; `where` is a file, with a member or a line.

    `where` and `got` may hold text from the file, so they are escaped here.
    """
    line = f"{printable(str(where), 400)}: expected {expected}, got {printable(got, 400)}"
    return DataError(f"{line}: {hint}" if hint else line)


def require_affordable(where: object, declared: int, stored: int, free: int | None = None) -> None:
    """Raise DataError when a file declares more unpacked bytes than real data compresses to its `stored` bytes.

    free: to which any file may unpack, by default FREE_BYTES. Called before anything is allocated, so that a small
    file cannot fill the memory.
    """
    budget = max(FREE_BYTES if free is None else free, LARGEST_RATIO * stored)
    if declared > budget:
        got = f"{declared} from {stored} stored bytes"
        raise refuse(where, f"at most {budget} bytes after unpacking", got, "unpack it yourself if you trust it")
