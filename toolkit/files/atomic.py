"""Atomic writing: a file is built beside its target under a temporary name, checked, and renamed."""

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
    """Yield a new path in the folder of `target`; when the block ends without an error, it replaces `target`.

    The block creates and closes the file. `check` may read it back and raise; then, as after any error,
    the temporary file is removed and `target` stays as it was. Content and folder are flushed to the disk.

    Raises OSError when the folder cannot be written, or when `target` is a folder, a device or a pipe.
    """
    target = _resolve(target)
    _remove_stale(target)
    temporary = _name_temporary(target)
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
    """Write `text` as UTF-8, completely or not at all."""
    with atomic_path(target) as temporary:
        temporary.write_bytes(text.encode())


def require_writable(target: Path) -> None:
    """Raise OSError if `target` cannot be written: now, rather than after hours of work."""
    target = _resolve(target)
    probe = _name_temporary(target)
    try:
        _create(probe, target)
    finally:
        probe.unlink(missing_ok=True)


def _resolve(target: Path) -> Path:
    """Return the path of the file itself, at the end of symbolic links. Raises OSError where none can be."""
    target = Path(os.path.abspath(target))
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
    if not end.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, "its folder does not exist: make it first", str(target))
    return end


def _create(temporary: Path, target: Path) -> None:
    try:
        os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    except OSError as error:  # the user knows the target, not the temporary name
        raise OSError(error.errno, error.strerror, str(target)) from error


def _swap(temporary: Path, target: Path) -> None:
    """Rename, and undo it when the folder cannot be flushed: a save that fails changes nothing."""
    former, existed = _name_temporary(target), True
    try:
        try:
            os.link(target, former)
        except OSError:  # no former file, or a file system without hard links
            existed = target.exists()
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


def _name_temporary(target: Path) -> Path:
    return target.parent / f".{_shorten_name(target)}.{_host_digest()}-{os.getpid()}-{secrets.token_hex(4)}.tmp"


def _shorten_name(target: Path) -> str:
    return os.fsdecode(os.fsencode(target.name)[:200])  # a file name has at most 255 bytes


def _host_digest() -> str:
    return f"{zlib.crc32(platform.node().encode()):08x}"


def _remove_stale(target: Path) -> None:
    """Remove temporary files for the same target of processes on this machine that have ended."""
    with contextlib.suppress(OSError):
        for path in target.parent.iterdir():
            match = _TEMPORARY.fullmatch(path.name)
            stale = match is not None and match["name"] == _shorten_name(target) and match["host"] == _host_digest()
            if match is not None and stale and not _is_alive(int(match["pid"])):
                path.unlink(missing_ok=True)


def _is_alive(pid: int) -> bool:
    if os.name == "nt":  # pragma: no cover (there, signal 0 is Ctrl-C)
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True
