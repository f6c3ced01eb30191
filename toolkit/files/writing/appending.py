"""Appending to a file piece by piece: each piece, such as a line, whole or not at all."""

import contextlib
import errno
import os
from collections.abc import Sequence
from pathlib import Path

from cnnkit.files.writing.atomic import close, require_writable, resolve
from cnnkit.files.writing.temporary import retry


def require_appendable(target: Path, starts: Sequence[bytes], holds: str) -> None:
    """Raise OSError if nothing can be appended to `target`, before hours of work, or it holds something else.

    starts: the first two bytes that what it `holds` ("lines of JSON") may have.
    """
    if not resolve(target).exists():
        require_writable(target)
        return
    descriptor = os.open(target, os.O_RDWR | os.O_APPEND)
    try:
        if os.pread(descriptor, 2, 0) not in (b"", *starts):
            raise OSError(errno.EEXIST, f"holds something else than {holds}: choose another file", str(target))
    finally:
        close(descriptor)


def append_line(target: Path, line: str) -> None:
    """Append `line`, which has no end of line, to a file, which is made where there is none.

    A last line that lacks its end, as after the loss of power, stays a line of its own.

    Raises OSError with the name of `target`; then the file is as before.
    """
    append_bytes(target, line.encode() + b"\n", own_line=True)


def append_bytes(target: Path, content: bytes, own_line: bool = False) -> None:
    """Append `content` to a file, which is made where there is none.

    own_line: an end of line comes first where the file's last line has none.

    Raises OSError with the name of `target`; then the file is as before.
    """
    try:
        descriptor = os.open(target, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o666)
        try:
            size = os.fstat(descriptor).st_size
            torn = own_line and size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
            try:
                _write(descriptor, b"\n" * torn + content)
            except OSError:
                with contextlib.suppress(OSError):
                    retry(os.ftruncate, descriptor, size)
                raise
        finally:
            close(descriptor)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(target)) from error


def cut_short(target: Path, size: int) -> None:
    """Drop what a file holds after its first `size` bytes. Raises OSError with the name of `target`."""
    try:
        retry(os.truncate, target, size)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(target)) from error


def _write(descriptor: int, content: bytes) -> None:
    while content:
        written = os.write(descriptor, content)
        if not written:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        content = content[written:]
