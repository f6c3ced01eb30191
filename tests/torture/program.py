"""Runs `cnnkit ...` as a user does, and measures: status, seconds, the memory of all its processes together."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from torture.memory import measure_peaks

_PAUSE = 0.01


@dataclass(frozen=True)
class Outcome:
    """How a run ended. status: negative for a signal, None when it was stopped after its limit of time.

    peak: bytes that its processes held together, each at its largest (VmHWM); 0 where /proc is missing.
    """

    arguments: tuple[str, ...]
    status: int | None
    seconds: float
    peak: int
    output: bytes
    errors: bytes

    def find_fault(self, statuses: Sequence[int] = (0, 1, 2)) -> str | None:
        """Return what is wrong with this end, whatever the input was: a hang, a crash, a traceback, a defect."""
        command = " ".join(self.arguments)
        if self.status is None:
            return f"{command}: still runs after {self.seconds:.0f} s"
        if self.status not in statuses:
            return f"{command}: status {self.status}: {self.errors[-200:]!r}"
        for words in (b"Traceback", b"a defect of cnnkit", b"Exception ignored", b"Error in sys.excepthook"):
            if words in self.errors or words in self.output[-4096:]:
                return f"{command}: {words.decode()}: {self.errors[-300:]!r}"
        if self.status == 2 and not self.errors.strip():
            return f"{command}: status 2 without a word"
        return None


def run_cnnkit(
    arguments: Sequence[str],
    folder: Path,
    limit: float = 60.0,
    environment: Mapping[str, str] | None = None,
) -> Outcome:
    """Run `cnnkit ARGUMENTS` in `folder`, for at most `limit` seconds."""
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        started = time.monotonic()
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "cnnkit.cli", *arguments],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=errors,
            env=os.environ | dict(environment or {}),
            start_new_session=True,
        )
        peaks: dict[int, int] = {}
        while process.poll() is None and time.monotonic() - started < limit:
            measure_peaks(process.pid, peaks)
            time.sleep(_PAUSE)
        seconds, status = time.monotonic() - started, process.poll()
        if status is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        output.seek(0)
        errors.seek(0)
        return Outcome(tuple(arguments), status, seconds, sum(peaks.values()), output.read(), errors.read())
