"""Files with holes: far longer than what is stored of them, as interrupted downloads and hostile files are."""

import os

from cnnkit.files.limits import VARIABLE, widen
from cnnkit.files.unsafe_file import UnsafeFileError

_FREE_BYTES = 1 << 30  # of holes in any file
_RATIO = 64  # bytes of a file for each that is stored; file systems that compress weights reach 2
_BLOCK = 512  # what st_blocks counts, whatever the file system


def require_stored(status: os.stat_result) -> None:
    """Raise UnsafeFileError for a file that is nearly all holes: to read their zeros would take without end.

    A file system that does not tell what is stored says 0 or nothing; then nothing is known, and nothing is raised.
    """
    stored = getattr(status, "st_blocks", 0) * _BLOCK
    if stored and status.st_size - stored > widen(_FREE_BYTES) and status.st_size > _RATIO * stored:
        problem = (
            f"{status.st_size:,} bytes of which {stored:,} are stored, the rest are holes: an interrupted download"
        )
        raise UnsafeFileError(f"{problem}, or made to take long ({VARIABLE}=N reads N GiB of holes)", "too_big")
