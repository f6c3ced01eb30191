"""Atomic writing: a file is built beside its target under a temporary name, checked, and renamed."""

import contextlib
import errno
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

from cnnkit.files.writing.abandoned import clear_abandoned
from cnnkit.files.writing.temporary import remove, retry, temporary_path

_ATTEMPTS = 10
_NO_FOLDERS = {errno.EINVAL, errno.ENOTSUP}  # what some file systems answer to a flush of a folder


def write_whole(target: Path, fill: Callable[[Path], object], check: Callable[[Path], None] | None = None) -> None:
    """Let `fill` write a new file, which replaces `target` when `check` has accepted it; or change nothing.

    `fill` gets the path of an empty file; it is called again where a signal interrupted a system call. `check` may read
    the file back and raise. Content and folder are flushed to the disk.

    Raises OSError with the name of `target` when its folder cannot be written, or when it is a folder, a device or a
    pipe; and what `fill` and `check` raise.
    """
    for attempt in range(_ATTEMPTS):
        try:
            with atomic_path(target, check) as temporary:
                fill(temporary)
        except InterruptedError:
            if attempt == _ATTEMPTS - 1:
                raise
        else:
            return


def write_text(target: Path, text: str) -> None:
    """Write `text` as UTF-8, completely or not at all."""
    write_bytes(target, text.encode())


def write_bytes(target: Path, content: bytes) -> None:
    """Write `content`, completely or not at all."""
    write_whole(target, lambda temporary: temporary.write_bytes(content))


@contextlib.contextmanager
def atomic_path(target: Path, check: Callable[[Path], None] | None = None) -> Iterator[Path]:
    """Yield the path of a new file beside `target`; when the block ends without an error, it replaces `target`.

    The block writes and closes the file. `check` and errors are those of `write_whole`.
    """
    target = resolve(target)
    clear_abandoned(target.parent)
    with temporary_path(target) as temporary:
        try:
            _create(temporary, target)
            yield temporary
            if check is not None:
                check(temporary)
            flush(temporary)
            _swap(temporary, target)
        except OSError as error:  # the user knows the target, not the temporary name; a failed write tells no name
            if error.errno is None or str(error.filename or temporary) not in (str(temporary), str(target.parent)):
                raise
            raise OSError(error.errno, error.strerror, str(target)) from error


def require_writable(target: Path) -> None:
    """Raise OSError if `target` cannot be written: now, rather than after hours of work."""
    end = resolve(target)
    with temporary_path(end) as probe:
        try:
            _create(probe, end)
            close(os.open(probe, os.O_RDWR))  # not where the rights of new files forbid it
            if os.name != "nt":  # Windows cannot open a folder
                close(os.open(end.parent, os.O_RDONLY))  # as a save does, to flush it
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(target)) from error


def resolve(target: Path) -> Path:
    """Return the path of the file itself, at the end of symbolic links. Raises OSError where none can be."""
    try:
        mode = target.stat().st_mode
    except FileNotFoundError:
        pass
    else:
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(target))
        if not stat.S_ISREG(mode):  # renaming onto /dev/null would replace the device
            raise OSError(errno.EINVAL, "is a device or a pipe, not a file", str(target))
    end = Path(os.path.realpath(target))
    if end.exists() and not os.access(end, os.W_OK):
        raise PermissionError(errno.EACCES, "is read-only", str(target))
    if not end.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, "its folder does not exist: make it first", str(target))
    return end


def _create(path: Path, target: Path) -> None:
    """Make an empty file with the permissions of the one that it may replace."""
    descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
    try:
        if hasattr(os, "fchmod") and target.exists():
            with contextlib.suppress(PermissionError):  # a file system that keeps none
                os.fchmod(descriptor, stat.S_IMODE(target.stat().st_mode) & 0o777)
    finally:
        close(descriptor)


def close(descriptor: int) -> None:
    """Close a descriptor. Raises OSError where what was written may be lost."""
    with contextlib.suppress(InterruptedError):  # it is closed nevertheless
        os.close(descriptor)


def _swap(temporary: Path, target: Path) -> None:
    """Rename, and undo it when the folder cannot be flushed: a save that fails changes nothing."""
    with temporary_path(target) as former:
        existed = True
        try:
            retry(os.link, target, former)
        except OSError:  # no former file, or a file system without hard links
            existed = target.exists()
        retry(os.replace, temporary, target)
        try:
            flush(target.parent)
        except OSError:
            if former.exists():
                retry(os.replace, former, target)
            elif not existed:
                remove(target)
            raise


def flush(path: Path) -> None:
    """Flush a file or a folder to the disk, a folder where its file system can."""
    folder = path.is_dir()
    if os.name == "nt" and folder:  # pragma: no cover (Windows cannot open a folder)
        return
    descriptor = os.open(path, os.O_RDONLY if folder else os.O_RDWR)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if not folder or error.errno not in _NO_FOLDERS:
            raise
    finally:
        close(descriptor)
