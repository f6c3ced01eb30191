"""Ctrl-C, SIGTERM and a closed terminal as requests to stop, which the loop follows after the current batch."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class StopRequest:
    """Whether a signal came, and the exit status for it."""

    def __init__(self) -> None:
        self.signal: int | None = None

    def __call__(self) -> bool:
        """Return whether a signal came."""
        return self.signal is not None

    @property
    def status(self) -> int:
        """130 after SIGINT, 143 after SIGTERM, 129 after SIGHUP; 0 when none came."""
        return 128 + self.signal if self.signal is not None else 0


@contextmanager
def stop_on_signals() -> Iterator[StopRequest]:
    """Yield a StopRequest that the signals set; nothing is interrupted halfway."""
    request = StopRequest()

    def note(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 (the signature that signal expects)
        request.signal = number

    signals = [signal.SIGINT, signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])]
    before = {number: signal.signal(number, note) for number in signals}
    try:
        yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
