"""Ctrl-C, SIGTERM and a closed terminal: a training stops after its batch, every other command at once, tidily."""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_TERMINATIONS = [signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])]
_CLEANING = 1.0  # seconds after a signal in which further ones do not disturb the removal of temporary files


class Terminated(BaseException):
    """SIGTERM or SIGHUP came: what was begun is undone on the way out, as after Ctrl-C."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number

    @property
    def status(self) -> int:
        """The exit status: 143 after SIGTERM, 129 after SIGHUP."""
        return 128 + self.number


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

    def note(number: int) -> None:
        request.signal = number

    with _handled([signal.SIGINT, *_TERMINATIONS], note):
        yield request


@contextmanager
def raise_terminations() -> Iterator[None]:
    """Raise Terminated in this block when SIGTERM or SIGHUP comes, so that temporary files are removed."""
    raised_at = -_CLEANING

    def stop(number: int) -> None:
        nonlocal raised_at
        before, raised_at = raised_at, time.monotonic()
        if raised_at - before >= _CLEANING:
            raise Terminated(number)

    with _handled(_TERMINATIONS, stop):
        yield


@contextmanager
def _handled(signals: list[signal.Signals], handle: Callable[[int], None]) -> Iterator[None]:
    """Let `handle` handle signals in this block; those that are ignored, as below nohup, stay ignored."""

    def call(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 (the signature that signal expects)
        handle(number)

    heeded = [number for number in signals if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, call) for number in heeded}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
