"""How much memory this process may use: what is to be computed is counted against it before anything is allocated."""

import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

_CGROUPS = Path("/sys/fs/cgroup")
_OWN_CGROUP = Path("/proc/self/cgroup")
_OWN_SIZE = Path("/proc/self/statm")


class MemoryBound(NamedTuple):
    """Bytes that this process may use, and what sets the bound, in words: "this machine has"."""

    size: int
    bound: str

    def describe(self) -> str:
        """Return "this machine has 22.5 GiB"."""
        return f"{self.bound} {describe_bytes(self.size)}"


def find_memory() -> MemoryBound:
    """Return the least of the machine's memory, the limit of its container, and that of `ulimit -v`."""
    known = [MemoryBound(sys.maxsize, "the address space has"), *_list_bounds()]
    return min(known, key=lambda memory: memory.size)


def describe_bytes(size: int) -> str:
    """Return "4.8 GiB", "1,024 GiB", "3 KiB"; whole numbers of any size."""
    for unit, shift in (("GiB", 30), ("MiB", 20), ("KiB", 10)):
        tenths = -(-size * 10 >> shift)  # rounded up
        if size >= 1 << shift:
            return f"{tenths // 10:,}{f'.{tenths % 10}' if tenths % 10 else ''} {unit}"
    return f"{size} bytes"


def _list_bounds() -> Iterator[MemoryBound]:
    with suppress(AttributeError, ValueError, OSError):  # it does not tell
        yield MemoryBound(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"), "this machine has")
    for limit in _list_cgroup_limits():
        yield MemoryBound(limit, "this container may use")
    with suppress(ImportError, ValueError, IndexError, OSError):
        import resource

        limit = resource.getrlimit(resource.RLIMIT_AS)[0]
        if limit != resource.RLIM_INFINITY:
            pages = int(_OWN_SIZE.read_text().split()[0])
            yield MemoryBound(max(limit - pages * os.sysconf("SC_PAGE_SIZE"), 0), "`ulimit -v` leaves")


def _list_cgroup_limits() -> Iterator[int]:
    """Yield the limits of the control groups that this process is in, of both versions of Linux's interface."""
    try:
        lines = _OWN_CGROUP.read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, own = line.split(":", 2)
        if controllers not in ("", "memory") and "memory" not in controllers.split(","):
            continue
        root, name = (_CGROUPS / "memory", "memory.limit_in_bytes") if controllers else (_CGROUPS, "memory.max")
        folder = root / own.strip("/")
        for place in (folder, *folder.parents):
            if not place.is_relative_to(root):
                break
            try:
                yield int((place / name).read_text())
            except (OSError, ValueError):  # not there, or "max"
                continue
