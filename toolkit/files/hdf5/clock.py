"""A limit of time in which the time while this process is stopped does not count."""

import threading
from collections.abc import Callable

from cnnkit.files.threads import start_thread

_TICK = 0.5  # seconds


class Clock:
    """Calls `ring` after `seconds`, unless it is stopped before.

    Seconds are counted in ticks, of which a process that Ctrl-Z or a debugger has stopped misses all but one: when it
    goes on, the worker gets the rest of its time.

    late: whether it has rung.

    Raises BlockingIOError where no thread can be started.
    """

    def __init__(self, seconds: float, ring: Callable[[], object]) -> None:
        self.late = False
        self._seconds, self._ring, self._stopped = seconds, ring, threading.Event()
        start_thread(threading.Thread(target=self._run, daemon=True).start)

    def stop(self) -> None:
        """Never ring."""
        self._stopped.set()

    def _run(self) -> None:
        remaining = self._seconds
        while remaining > 0:
            if self._stopped.wait(min(_TICK, remaining)):
                return
            remaining -= _TICK
        self.late = True
        self._ring()
