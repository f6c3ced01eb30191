"""One training writes a file at a time: it holds a lock, which dies with its process."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from cnnkit.files.unfinished import undone_by_signals
from cnnkit.files.writing.temporary import remove

try:
    import fcntl
except ImportError:  # pragma: no cover (Windows)
    fcntl = None  # type: ignore[assignment]

CLAIM_SUFFIX = ".cnnkit-run"
_FLAGS = os.O_RDWR | getattr(os, "O_NOFOLLOW", 0)


@contextmanager
def claim(target: Path) -> Iterator[None]:
    """Claim `target` for this process in this block; where locks or the folder do not allow it, claim nothing.

    Raises OSError, EBUSY, with the name of `target` when a process that lives has claimed it.
    """
    end = Path(os.path.realpath(target))
    place = end.parent / f".{os.fsdecode(os.fsencode(end.name)[:200])}{CLAIM_SUFFIX}"
    descriptor = _take(place, target)
    if descriptor is None:
        yield
        return
    with undone_by_signals(lambda: remove(place)):
        try:
            yield
        finally:
            remove(place)  # before the lock goes: who opens it afterwards makes a new one
            with suppress(OSError):
                os.close(descriptor)


def release_abandoned(place: Path) -> None:
    """Remove a claim whose process has died."""
    with suppress(OSError):
        descriptor = os.open(place, _FLAGS)
        try:
            if _lock(descriptor) is True and _is_there(place, descriptor):
                remove(place)
        finally:
            os.close(descriptor)


def _take(place: Path, target: Path) -> int | None:
    """Return the descriptor that holds the lock, None where there can be none."""
    while True:
        try:
            descriptor = os.open(place, _FLAGS | os.O_CREAT, 0o666)
        except OSError:  # require_writable explains it
            return None
        try:
            if _lock(descriptor) is False:
                pid = os.pread(descriptor, 20, 0).decode("ascii", "replace").strip()
                by = f"another training{f', process {pid},' if pid.isdigit() else ''} writes this file"
                raise OSError(errno.EBUSY, f"{by}: wait for its end, or choose another place with -o", str(target))
            if _is_there(place, descriptor):
                with suppress(OSError):
                    os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
                    os.ftruncate(descriptor, len(f"{os.getpid()}\n"))
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)  # its former holder has just removed it


def _lock(descriptor: int) -> bool | None:
    """Return whether the lock could be had; None where the system or the file system has no locks."""
    if fcntl is None:  # pragma: no cover (Windows)
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


def _is_there(place: Path, descriptor: int) -> bool:
    """Return whether the open file is still the one of that name."""
    try:
        return os.path.samestat(os.stat(place, follow_symlinks=False), os.fstat(descriptor))
    except OSError:
        return False
