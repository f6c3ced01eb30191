"""Which paths a program may open: its libraries and the named files to read, given folders to write."""

import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

# What the system's libraries and Python's own look at, whatever the program does.
_SYSTEM = (
    "/proc/", "/sys/devices/", "/sys/fs/cgroup", "/sys/kernel/mm", "/dev/null", "/dev/urandom", "/dev/tty",
    "/dev/shm/", "/etc/localtime", "/etc/ld.so", "/usr/share/zoneinfo", "/usr/share/locale", "/usr/lib", "/lib",
    "/usr/local/lib",
)  # fmt: skip
_MAY_CHANGE = (os.devnull, "/dev/tty")


def find_libraries() -> tuple[str, ...]:
    """Return the folders from which modules come: never the current one, never that of a file."""
    paths = {sys.prefix, sys.base_prefix, *(path for path in sys.path if path)}
    paths |= {str(path) for path in Path(__file__).parents[1:3]}  # where the links of an editable install lead
    return tuple(sorted({*map(os.path.realpath, paths), *map(os.path.abspath, paths)}))


@dataclass
class Places:
    """named: files, or folders with all that they hold; writable: folders."""

    named: tuple[str, ...] = ()
    writable: tuple[str, ...] = ()
    libraries: tuple[str, ...] = field(default_factory=find_libraries)

    def __post_init__(self) -> None:
        for name in ("named", "writable"):
            paths = getattr(self, name)
            setattr(self, name, tuple({*map(os.path.realpath, paths), *map(os.path.abspath, paths)}))

    def may_read(self, path: Any) -> bool:
        """Return whether a path lies among them, also with its links followed; a descriptor is open already."""
        if isinstance(path, int):
            return True
        if path is None:
            return False
        known = (*self.libraries, *self.named, *self.writable)
        return lies_in(path, known) or is_of_system(path) or self.is_parent_of_named(path)

    def may_write(self, path: Any) -> bool:
        """Return whether a path lies in a writable folder."""
        return isinstance(path, int) or lies_in(path, self.writable) or os.fsdecode(path) in _MAY_CHANGE

    def is_library(self, path: Any) -> bool:
        """Return whether a path is a module or a library."""
        return lies_in(path, (*self.libraries, "/lib", "/usr/lib", "/usr/local/lib"))

    def is_parent_of_named(self, path: Any) -> bool:
        """Return whether it is a folder in which a named file lies: listing it opens no file."""
        real = os.path.realpath(path)
        return os.path.isdir(real) and any(name.startswith(real.rstrip("/") + "/") for name in self.named)


def is_of_system(path: Any) -> bool:
    """Return whether every program reads it."""
    return os.path.abspath(os.fsdecode(path)).startswith(_SYSTEM)


def lies_in(path: Any, folders: tuple[str, ...]) -> bool:
    """Return whether a path, as given and with its links followed, is one of `folders` or lies in one."""
    text = os.fsdecode(path)
    return all(
        any(place == folder or place.startswith(folder.rstrip("/") + "/") for folder in folders)
        for place in (os.path.abspath(text), os.path.realpath(text))
    )
