"""Limits that a process sets itself before it reads a file that may be hostile.

Linux has all of them. macOS has no limit on memory that holds, and no filter of system calls; Windows has none of
these: there the clock of the process that asks is what ends a loop.
"""

import contextlib
import os
import signal

from cnnkit.files.hdf5.system_call_filter import install_filter

_OPEN_FILES = 32


class ProcessLimits:
    """Forbids this process large files to write, core dumps, many open files, and system calls that are not reading.

    active: the protections that this system has, of "files", "memory", "time", "system calls".
    """

    def __init__(self) -> None:
        self.active: list[str] = []
        with contextlib.suppress(ImportError, OSError, ValueError):
            import resource

            limits = ((resource.RLIMIT_FSIZE, 0), (resource.RLIMIT_CORE, 0), (resource.RLIMIT_NOFILE, _OPEN_FILES))
            for kind, most in limits:
                resource.setrlimit(kind, (most, most))
            self.active.append("files")
        self._memory = _measure_memory()
        memory, time = self._limit_memory(0), self._limit_seconds(0.0)
        self.active += [name for name, works in (("memory", memory), ("time", time)) if works]
        if install_filter():
            self.active.append("system calls")

    def allow(self, seconds: float, more_bytes: int) -> None:
        """From now on let this process compute for `seconds`, and hold `more_bytes` more than at its start."""
        self._limit_memory(more_bytes)
        self._limit_seconds(seconds)

    def _limit_memory(self, more_bytes: int) -> bool:
        if self._memory is None:
            return False
        try:
            import resource

            most = self._memory + more_bytes if more_bytes else resource.RLIM_INFINITY
            resource.setrlimit(resource.RLIMIT_AS, (most, resource.RLIM_INFINITY))
        except (ImportError, OSError, ValueError):
            return False
        return True

    def _limit_seconds(self, seconds: float) -> bool:
        """Set the timer that ends this process: nothing else stops a loop in a C library. 0: none."""
        try:
            signal.setitimer(signal.ITIMER_PROF, seconds)
        except (AttributeError, OSError, ValueError):
            return False
        return True


def _measure_memory() -> int | None:
    try:
        with open("/proc/self/statm", "rb") as stream:
            return int(stream.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return None
