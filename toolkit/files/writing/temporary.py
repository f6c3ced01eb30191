"""Temporary files beside their target: named after it and the process that made them."""

import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from cnnkit.files.unfinished import undone_by_signals
from cnnkit.files.writing.processes import digest_machine, read_start

NAME = re.compile(
    r"\..+\.cnnkit-(?P<machine>[0-9a-f]{8})-(?P<pid>[0-9]{1,19})-(?P<start>[0-9]{1,19})-[0-9a-f]{8}\.tmp", re.DOTALL
)
T = TypeVar("T")
_ATTEMPTS = 3
_MOST_INTERRUPTIONS = 100


def name_temporary(target: Path) -> Path:
    """Return a new path beside `target` that tells which process it belongs to."""
    name = os.fsdecode(os.fsencode(target.name)[:160])  # a file name has at most 255 bytes
    pid = os.getpid()
    mark = f"{digest_machine()}-{pid}-{read_start(pid) or 0}-{secrets.token_hex(4)}"
    return target.parent / f".{name}.cnnkit-{mark}.tmp"


@contextmanager
def temporary_path(target: Path) -> Iterator[Path]:
    """Yield a new path beside `target` for a file; what lies there at the end of the block is removed."""
    path = name_temporary(target)
    with undone_by_signals(lambda: remove(path)):
        try:
            yield path
        finally:
            remove(path)


@contextmanager
def temporary_folder(target: Path) -> Iterator[Path]:
    """Yield a new folder beside `target`, for this user alone; at the end of the block it is removed if still there."""
    path = name_temporary(target)
    with undone_by_signals(lambda: shutil.rmtree(path, ignore_errors=True)):
        try:
            retry(os.mkdir, path, 0o700)
            yield path
        finally:
            for _ in range(_ATTEMPTS):  # an entry that cannot be removed at once may be at the next attempt
                if path.exists():
                    with suppress(OSError):  # of closing a folder, which rmtree does not ignore
                        shutil.rmtree(path, ignore_errors=True)


def remove(path: Path) -> None:
    """Remove a file. One that cannot be removed is left to the next start: its process will have died by then."""
    for _ in range(_ATTEMPTS):
        try:
            os.unlink(path)
        except FileNotFoundError:
            return
        except OSError:
            continue
        return


def retry(call: Callable[..., T], *arguments: Any) -> T:
    """Return what `call` returns, called again where a signal interrupted it."""
    for _ in range(_MOST_INTERRUPTIONS):
        try:
            return call(*arguments)
        except InterruptedError:
            continue
    return call(*arguments)
