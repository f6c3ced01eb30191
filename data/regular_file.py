"""Opening a file of a user: a regular file, never a pipe that is waited for, a device or a socket."""

import os
import stat
from pathlib import Path
from typing import BinaryIO

from cnnkit.data.refusal import refuse


def open_regular(path: Path) -> BinaryIO:
    """Return the file, open for reading, without buffer where nothing waits on it.

    Raises DataError for anything but a regular file, whatever it was a moment before, OSError when it cannot be opened.
    """
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise refuse(path, "a file", "a folder, device, pipe or socket")
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise
