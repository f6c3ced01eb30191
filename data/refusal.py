"""One wording for everything that is wrong with images and labels: where, what was expected, what came, what to do."""

from cnnkit.errors import DataError
from cnnkit.files.names import printable

FREE_BYTES = 256 << 20  # what a packed file may unfold to, however small it is
LARGEST_RATIO = 100  # beyond that, how many times its stored size


def refuse(where: object, expected: str, got: str, hint: str = "") -> DataError:
    """Return the error `where: expected ..., got ...: hint`; `where` is a file, with a member or a line behind it.

    `where` and `got` may hold text from the file: they are made safe to show here.
    """
    came = printable(got, 400)
    return DataError(f"{printable(str(where), 400)}: expected {expected}, got {came}" + (f": {hint}" if hint else ""))


def require_affordable(where: object, declared: int, stored: int) -> None:
    """Raise DataError when more bytes are `declared` to come out of the `stored` ones than real data packs.

    Called before anything is allocated, so a small file cannot fill the memory.
    """
    budget = max(FREE_BYTES, LARGEST_RATIO * stored)
    if declared > budget:
        came = f"{declared} from {stored} stored bytes"
        raise refuse(where, f"at most {budget} bytes after unpacking", came, "unpack it yourself if you trust it")
