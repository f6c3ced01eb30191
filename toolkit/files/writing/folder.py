"""Writing a folder of files: it appears whole, or not at all."""

import contextlib
import errno
import os
from collections.abc import Callable
from pathlib import Path

from cnnkit.files.writing.abandoned import clear_abandoned
from cnnkit.files.writing.atomic import flush
from cnnkit.files.writing.temporary import retry, temporary_folder

_ATTEMPTS = 10


def require_new_folder(target: Path) -> None:
    """Raise OSError unless a folder can be made at `target`, where there is nothing or an empty folder."""
    if target.is_symlink() or (target.exists() and not (target.is_dir() and not os.listdir(target))):
        raise OSError(errno.EEXIST, "already exists: choose a new folder", str(target))
    if not target.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, "its folder does not exist: make it first", str(target))
    if not os.access(target.parent, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(target))


def write_whole_folder(
    target: Path, fill: Callable[[Path], object], check: Callable[[Path], None] | None = None
) -> None:
    """Let `fill` write files into a new folder, which becomes `target` when `check` has accepted it.

    `fill` is called again, with another folder, where a signal interrupted a system call. `check` may read the files
    back and raise. All files and the folders are flushed to the disk.

    Raises OSError with the name of `target` as `require_new_folder` and when it cannot be written, and what `fill` and
    `check` raise; then nothing is left.
    """
    for attempt in range(_ATTEMPTS):
        try:
            _write_once(target, fill, check)
        except InterruptedError:
            if attempt == _ATTEMPTS - 1:
                raise
        else:
            return


def _write_once(target: Path, fill: Callable[[Path], object], check: Callable[[Path], None] | None) -> None:
    require_new_folder(target)
    clear_abandoned(target.parent)
    with temporary_folder(target) as private:
        folder = private / target.name  # with the rights of any new folder
        try:
            retry(os.mkdir, folder)
            fill(folder)
            if check is not None:
                check(folder)
            for path in sorted(folder.iterdir()):
                flush(path)
            flush(folder)
            _rename(folder, target)
        except OSError as error:  # the user knows the target, not the temporary name
            if error.errno is None or not str(error.filename or private).startswith((str(private), str(target.parent))):
                raise
            raise OSError(error.errno, error.strerror, str(target)) from error


def _rename(folder: Path, target: Path) -> None:
    """Rename, and undo it when the folder above cannot be flushed."""
    existed = target.exists()
    retry(os.rename, folder, target)  # which replaces an empty folder, and nothing else
    try:
        flush(target.parent)
    except OSError:
        retry(os.rename, target, folder)
        if existed:
            with contextlib.suppress(OSError):
                os.mkdir(target)
        raise
