"""When to read the device and when to stop: what one process decides by its clock and signals, workers agree upon."""

import time
from collections.abc import Callable

from cnnkit.backends.groups import Group

READ_EVERY = 1.0  # seconds between two reads of the device's reports
AGREE_EVERY = 0.05  # seconds between two questions whether a worker is to stop; mpiexec kills 0.25 s after SIGTERM
Stop = Callable[[], bool]


class Agreement:
    """Decisions after each step, the same on all workers of a group, or those of this process alone.

    Workers ask each other after a number of steps that takes about AGREE_EVERY on the slowest of them.
    """

    def __init__(self, group: Group | None, stop: Stop | None) -> None:
        self._group, self._stop = group, stop
        self._read_at = time.perf_counter() + READ_EVERY
        self._steps, self._asked_at, self._next = 0, time.perf_counter(), 1

    def after_step(self, last: bool) -> tuple[bool, bool]:
        """Return (stop, read) after a step; last: of its epoch, where all is read."""
        self._steps += 1
        if self._group is not None and not last and self._steps < self._next:
            return False, False
        now = time.perf_counter()
        stopping, reading = self._stop is not None and self._stop(), now >= self._read_at
        if self._group is not None:
            pace = (now - self._asked_at) / self._steps
            asked = self._group.all_gather_json([stopping, reading, pace])
            stopping, reading = any(of for of, _, _ in asked), asked[0][1]
            slowest = max(of for _, _, of in asked)
            self._steps, self._next = 0, max(1, int(AGREE_EVERY / max(slowest, 1e-6)))
            self._asked_at = time.perf_counter()
        return stopping, reading or stopping or last

    def has_read(self) -> None:
        """Note that the device has been read."""
        self._read_at = time.perf_counter() + READ_EVERY
