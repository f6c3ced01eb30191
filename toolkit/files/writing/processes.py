"""Processes of this machine: which number means which, and whether it still runs."""

import functools
import os
import platform
import zlib
from contextlib import suppress


@functools.cache
def digest_machine() -> str:
    """Return a digest of what makes process numbers comparable: the machine, and on Linux the container's namespace."""
    space = ""
    with suppress(OSError):
        space = os.readlink("/proc/self/ns/pid")
    return f"{zlib.crc32(f'{platform.node()} {space}'.encode()):08x}"


def read_start(pid: int) -> int | None:
    """Return when a process started, in ticks since the machine did; None where the system does not tell."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as stream:
            return int(stream.read().rpartition(b")")[2].split()[19])
    except (OSError, ValueError, IndexError):
        return None


def is_alive(pid: int, start: int) -> bool:
    """Return whether the process of that number lives, and is the one that began at `start` where that is known."""
    if os.name == "nt":  # pragma: no cover (there, signal 0 is Ctrl-C)
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        pass
    found = read_start(pid)
    return not start or found is None or found == start
