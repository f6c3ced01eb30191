"""Opening what a user names: a regular file, never a pipe that is waited for, a device that never ends, a socket; and
what tells one state of a file from another.
"""

import errno
import os
import stat
from io import BufferedReader
from pathlib import Path


def identify(status: os.stat_result) -> tuple[int, int, int]:
    """Return what tells this state of a file from others: size, time of the last change, number of the inode."""
    return status.st_size, status.st_mtime_ns, status.st_ino


def open_regular(path: Path) -> BufferedReader:
    """Return the file, open for reading.

    Raises OSError for anything but a regular file, whatever it was a moment before, and when it cannot be opened.
    """
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOCTTY", 0)
    descriptor = os.open(path, flags)
    try:
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        if not stat.S_ISREG(mode):
            raise OSError(errno.EINVAL, "is a device, pipe or socket, not a file", str(path))
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise
