"""Signals for a process that is to heed them: sent while it certainly handles them, or certainly not."""

import os
import signal
import time
from pathlib import Path

_PAUSE = 0.001


def heed_signals() -> None:
    """Undo what nohup and background jobs of a shell do: a signal that is ignored at the start stays ignored."""
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)


def wait_for_handlers(pid: int) -> None:
    """Return when the process handles SIGTERM, which comes last, or has ended."""
    while not (_handles_signals(pid) or _read_status(pid)["State"].startswith("Z")):
        time.sleep(_PAUSE)


def strike(pid: int, number: int) -> bool:
    """Send a signal to a process, frozen meanwhile, and return whether it handled signals then: it must heed it."""
    os.kill(pid, signal.SIGSTOP)
    while _read_status(pid)["State"][0] not in "TZ":
        time.sleep(_PAUSE)
    heeds = _handles_signals(pid)
    os.kill(pid, number)
    os.kill(pid, signal.SIGCONT)
    return heeds


def _handles_signals(pid: int) -> bool:
    status = _read_status(pid)
    caught, blocked = (int(status[name], 16) >> (signal.SIGTERM - 1) & 1 for name in ("SigCgt", "SigBlk"))
    return bool(caught and not blocked and status["State"][0] != "Z")


def _read_status(pid: int) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return dict(line.split(":\t", 1) for line in lines if ":\t" in line)
