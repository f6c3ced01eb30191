"""Whole or not at all: a file is built beside its place under a temporary name, checked, and renamed."""

import contextlib
import errno
import os
import platform
import re
import secrets
import stat
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

_TEMPORARY = re.compile(r"\.(?P<name>.+)\.(?P<host>[0-9a-f]{8})-(?P<pid>[0-9]+)-[0-9a-f]{8}\.tmp", re.DOTALL)


@contextlib.contextmanager
def atomic_path(target: Path, check: Callable[[Path], None] | None = None) -> Iterator[Path]:
    """Yield a fresh path in the folder of `target`; when the block ends well, it takes the place of `target`.

    The block creates and closes the file. `check` may read it back and raise; then, as after any error,
    the temporary file is removed and `target` stays as it was. Content and folder are flushed to the disk.

    Raises OSError when the folder cannot be written, or when `target` is a folder, a device or a pipe.
    """
    target = _place(target)
    _remove_stale(target)
    temporary = _temporary(target)
    try:
        _create(temporary, target)
        yield temporary
        if check is not None:
            check(temporary)
        _flush(temporary)
        _swap(temporary, target)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise


def write_text(target: Path, text: str) -> None:
    """Write `text` as UTF-8, whole or not at all."""
    with atomic_path(target) as temporary:
        temporary.write_bytes(text.encode())


def require_writable(target: Path) -> None:
    """Raise OSError now, rather than after hours of work, when `target` could not be written."""
    target = _place(target)
    if not target.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, "its folder does not exist: make it first", str(target))
    probe = _temporary(target)
    _create(probe, target)
    probe.unlink()


def _place(target: Path) -> Path:
    """Return where the file itself lies or shall lie, at the end of symbolic links."""
    target = Path(os.path.abspath(target))
    try:
        mode = target.stat().st_mode
    except FileNotFoundError:
        return Path(os.path.realpath(target))
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(target))
    if not stat.S_ISREG(mode):  # renaming onto /dev/null would replace the device
        raise OSError(errno.EINVAL, "is a device or a pipe, not a file", str(target))
    return Path(os.path.realpath(target))


def _create(temporary: Path, target: Path) -> None:
    try:
        os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    except OSError as error:  # the person knows the target, not the temporary name
        raise OSError(error.errno, error.strerror, str(target)) from error


def _swap(temporary: Path, target: Path) -> None:
    """Rename, and go back when the folder cannot be flushed: a save that is reported as failed has changed nothing."""
    former = _temporary(target)
    try:
        os.link(target, former)
    except OSError:  # no former file, or a file system without hard links
        existed = target.exists()
    else:
        existed = True
    try:
        os.replace(temporary, target)
        try:
            _flush(target.parent)
        except OSError:
            if former.exists():
                os.replace(former, target)
            elif not existed:
                target.unlink()
            raise
    finally:
        with contextlib.suppress(OSError):
            former.unlink()


def _flush(path: Path) -> None:
    folder = path.is_dir()
    if os.name == "nt" and folder:  # pragma: no cover (Windows cannot open a folder)
        return
    descriptor = os.open(path, os.O_RDONLY if folder else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _temporary(target: Path) -> Path:
    return target.parent / f".{_stem(target)}.{_host()}-{os.getpid()}-{secrets.token_hex(4)}.tmp"


def _stem(target: Path) -> str:
    return os.fsdecode(os.fsencode(target.name)[:200])  # a file name has at most 255 bytes


def _host() -> str:
    return f"{zlib.crc32(platform.node().encode()):08x}"


def _remove_stale(target: Path) -> None:
    """Remove what a process that is gone left of an earlier write to the same target, if it ran on this machine."""
    with contextlib.suppress(OSError):
        for path in target.parent.iterdir():
            found = _TEMPORARY.fullmatch(path.name)
            mine = found is not None and found["name"] == _stem(target) and found["host"] == _host()
            if found is not None and mine and not _alive(int(found["pid"])):
                path.unlink(missing_ok=True)


def _alive(pid: int) -> bool:
    if os.name == "nt":  # pragma: no cover (there, signal 0 is Ctrl-C)
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True
