"""Tries mutants in forked processes, so that a crash or a hang of one is a fault and not the end."""

import contextlib
import json
import mmap
import os
import resource
import select
import shutil
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

from torture.mutation.mutants import Mutant
from torture.mutation.probe import Verdict, probe

_SECONDS = 5.0  # of this process's own work for one mutant
_WALL = 60.0  # for one mutant, on a busy machine, before its process is killed
_MOST_GROWTH = 256 << 20  # bytes
_MOST_SPACE = 8 << 30  # of addresses, so that a fault here does not become one of the machine
_MOST_FAULTS = 200

Make = Callable[[int], Mutant]
Further = Callable[[Path, Mutant, Verdict, int], "str | None"]


class Hang(BaseException):
    """A mutant took longer than it may; no reader can catch this by accident."""


@dataclass
class Tally:
    """What came of the mutants of one worker, or of all: by the name of the seed, how many were read and refused."""

    done: int = 0
    read: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    accidents: Counter[str] = field(default_factory=Counter)
    growth: int = 0  # the most bytes by which a worker grew

    def note(self, event: dict[str, Any]) -> None:
        self.done += event["done"]
        self.read.update(event["read"])
        self.refused.update(event["refused"])
        self.accidents.update(event["accidents"])
        self.faults += event["faults"]
        self.growth = max(self.growth, event["growth"])


def try_all(
    make: Make, count: int, folder: Path, end: float, processes: int | None = None, further: Further | None = None
) -> Tally:
    """Try mutants 0 to count - 1 until the clock (`time.monotonic`) says `end`; return what came.

    further: what else is tried with a mutant that showed no fault, by its number; it returns a fault or None.
    """
    processes = processes or os.cpu_count() or 1
    tally = Tally()
    workers = [
        _Worker(make, range(n, count, processes), folder / f"worker-{n}", end, further) for n in range(processes)
    ]
    while workers:
        ready, _, _ = select.select([worker.pipe for worker in workers], [], [], 0.5)
        for worker in [worker for worker in workers if worker.pipe in ready]:
            if not worker.receive(tally):
                workers.remove(worker)
        for worker in workers:
            worker.kill_when_stuck()
        if len(tally.faults) > _MOST_FAULTS:
            for worker in workers:
                worker.kill()
            break
    return tally


class _Worker:
    """A process that tries some of the mutants; a new one goes on behind the mutant that ended it."""

    def __init__(self, make: Make, numbers: range, folder: Path, end: float, further: Further | None) -> None:
        self._make, self._numbers, self._folder, self._end, self._further = make, numbers, folder, end, further
        self._shared = mmap.mmap(-1, 16)  # the number of the mutant at hand, and of mutants begun
        self._seen, self._since = -1, time.monotonic()
        self._buffer = b""
        self._fork(0)

    def receive(self, tally: Tally) -> bool:
        """Take in what the process says; return whether it, or one in its place, goes on."""
        data = os.read(self.pipe, 1 << 16)
        if data:
            *lines, self._buffer = (self._buffer + data).split(b"\n")
            for line in lines:
                tally.note(json.loads(line))
            return True
        os.close(self.pipe)
        _, status = os.waitpid(self._pid, 0)
        code = os.waitstatus_to_exitcode(status)
        if code == 0:
            return False
        at = int.from_bytes(self._shared[:8], "little")
        if code < 0:
            name = signal.Signals(-code).name
            tally.faults.append(f"mutant {self._numbers[at]} ({self._name(at)}): the process ended by {name}")
            tally.done += 1
        self._fork(at + 1)
        return True

    def kill_when_stuck(self) -> None:
        begun = int.from_bytes(self._shared[8:], "little")
        if begun != self._seen:
            self._seen, self._since = begun, time.monotonic()
        elif time.monotonic() - self._since > _WALL:
            self.kill()

    def kill(self) -> None:
        os.kill(self._pid, signal.SIGKILL)

    def _name(self, at: int) -> str:
        mutant = self._make(self._numbers[at])
        return f"{mutant.seed.name}, {mutant.change}"

    def _fork(self, start: int) -> None:
        self._since, self._buffer = time.monotonic(), b""
        self.pipe, out = os.pipe()
        sys.stdout.flush()
        self._pid = os.fork()
        if self._pid == 0:
            status = 1
            try:
                os.close(self.pipe)
                status = self._work(start, out)
            except BaseException:
                event = _make_event() | {"done": 1, "faults": [f"the trial itself: {traceback.format_exc()[-600:]!r}"]}
                os.write(out, json.dumps(event).encode() + b"\n")
            finally:
                os._exit(status)
        os.close(out)

    def _work(self, start: int, out: int) -> int:
        """Try mutants from the `start`-th on; return 0 at the end, 1 when a new process should go on."""
        signal.signal(signal.SIGPROF, _raise_hang)
        _forget_peak()
        resource.setrlimit(resource.RLIMIT_AS, (_MOST_SPACE, _MOST_SPACE))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        os.environ["CNNKIT_DATA_DIR"] = ""
        base = _measure_peak()
        for at in range(start, len(self._numbers)):
            if time.monotonic() > self._end:
                return 0
            self._shared[:8] = at.to_bytes(8, "little")
            self._shared[8:] = (at + 1).to_bytes(8, "little")
            event = _try_one(self._make(self._numbers[at]), self._numbers[at], self._folder, self._further)
            event["growth"] = grown = _measure_peak() - base
            if grown > _MOST_GROWTH and not event["faults"]:
                event["faults"] = [f"mutant {self._numbers[at]} ({self._name(at)}): {grown >> 20} MiB of memory"]
            os.write(out, json.dumps(event).encode() + b"\n")
            if grown > _MOST_GROWTH:
                return 1
        return 0


def _make_event() -> dict[str, Any]:
    """Return what a worker says, as `Tally.note` takes it."""
    return {"done": 0, "read": [], "refused": [], "faults": [], "accidents": [], "growth": 0}


def _try_one(mutant: Mutant, number: int, folder: Path, further: Further | None) -> dict[str, Any]:
    name = mutant.seed.name
    event = _make_event() | {"done": 1}
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    path = mutant.seed.write(folder)
    signal.setitimer(signal.ITIMER_PROF, _SECONDS)
    try:
        verdict = probe(path, mutant.seed.door)
        fault = verdict.fault
        if fault is None and further is not None:
            fault = further(path, mutant, verdict, number)
        event["read" if verdict.read else "refused"].append(name)
        if verdict.accident:
            event["accidents"].append(f"{name.partition('-')[0]}: {verdict.accident}")
    except Hang:
        fault = f"more than {_SECONDS:.0f} s of work"
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    if fault is not None:
        event["faults"].append(f"mutant {number} ({name}, {mutant.change}): {fault}")
    return event


def _raise_hang(_: int, frame: FrameType | None) -> None:
    raise Hang(str(frame))


def _forget_peak() -> None:
    """Let the peak of memory begin with what is held now: a fork inherits that of its parent."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def _measure_peak() -> int:
    """Return the most bytes of memory that this process has held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
