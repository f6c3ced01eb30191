"""Appending to a file line by line: each line whole or not at all."""

import contextlib
import errno
import os
from pathlib import Path

from cnnkit.files.writing.atomic import close, require_writable, resolve
from cnnkit.files.writing.temporary import retry


def require_appendable(target: Path) -> None:
    """Raise OSError if no line can be appended to `target`, or it holds no lines of JSON: before hours of work."""
    if not resolve(target).exists():
        require_writable(target)
        return
    descriptor = os.open(target, os.O_RDWR | os.O_APPEND)
    try:
        if os.pread(descriptor, 2, 0) not in (b"", b"{", b'{"'):
            raise OSError(errno.EEXIST, "holds something else than lines of JSON: choose another file", str(target))
    finally:
        close(descriptor)


def append_line(target: Path, line: str) -> None:
    """Append `line`, which has no end of line, to a file, which is made where there is none.

    A last line that lacks its end, as after the loss of power, stays a line of its own.

    Raises OSError with the name of `target`; then the file is as before.
    """
    try:
        descriptor = os.open(target, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o666)
        try:
            size = os.fstat(descriptor).st_size
            torn = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
            try:
                _write(descriptor, b"\n" * torn + line.encode() + b"\n")
            except OSError:
                with contextlib.suppress(OSError):
                    retry(os.ftruncate, descriptor, size)
                raise
        finally:
            close(descriptor)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(target)) from error


def _write(descriptor: int, content: bytes) -> None:
    while content:
        written = os.write(descriptor, content)
        if not written:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        content = content[written:]
