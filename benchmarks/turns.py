"""Contestants that take turns, each in its own process, and the ratios of their times in the same rounds."""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

TURN = 0.4  # seconds per turn
WARM_UP = 60  # steps before the first turn, enough to compile, capture and allocate everything
LONGEST_WARM_UP = 12.0  # seconds, for slow steps
LOADED = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
NO_BYTECODE = "PYTHONDONTWRITEBYTECODE"  # with it, a program that is not installed is compiled at every start


@dataclass
class Contestant:
    """A process that takes steps on request."""

    task: dict[str, Any]
    steps: int = 0
    turns: list[dict[str, float]] = field(default_factory=list)  # costs of one step, per turn

    def __post_init__(self) -> None:
        threads = str(self.task["threads"])
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("worker.py")), json.dumps(self.task)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env=os.environ | dict.fromkeys(LOADED, threads),
        )  # fmt: skip

    def ask(self, steps: int) -> dict[str, float]:
        """Take steps and return their total cost."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(steps, file=self._process.stdin, flush=True)
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.task}: the process ended")
        answer: dict[str, float] = json.loads(line)
        return answer

    def warm_up(self) -> None:
        """Take the first steps, which compile, capture and allocate, and choose the number of steps per turn."""
        self.ask(2)
        slow = self.ask(3)["wall"] / 3
        self.ask(max(1, min(WARM_UP, round(LONGEST_WARM_UP / slow))))
        self.steps = max(1, round(TURN / self.ask(3)["wall"] * 3))

    def turn(self) -> None:
        cost = self.ask(self.steps)
        self.turns.append({"wall": cost["wall"] / self.steps, "cpu": cost["cpu"] / self.steps, "peak": cost["peak"]})

    def median(self, what: str = "wall") -> float:
        return statistics.median(turn[what] for turn in self.turns)

    def close(self) -> None:
        self._process.communicate()


def compete(tasks: dict[str, dict[str, Any]], rounds: int, generations: int = 1) -> dict[str, Contestant]:
    """Let all contestants take turns, `rounds` times in total, over so many generations of new processes.

    PyTorch's time depends strongly on the memory that its process happens to get.
    """
    turns: dict[str, list[dict[str, float]]] = {name: [] for name in tasks}
    contestants: dict[str, Contestant] = {}
    for _ in range(generations):
        for name, task in tasks.items():  # one after the other: none is tuned while another one starts
            contestants[name] = Contestant(task, turns=turns[name])
            contestants[name].warm_up()
        for _ in range(-(-rounds // generations)):
            for contestant in contestants.values():
                contestant.turn()
        for contestant in contestants.values():
            contestant.close()
    return contestants


def ratios(ours: Contestant, peers: list[Contestant], what: str = "wall") -> list[float]:
    """Return, for each round, the speed of cnnkit relative to the fastest peer."""
    best = [min(turns) for turns in zip(*([turn[what] for turn in peer.turns] for peer in peers), strict=True)]
    return [theirs / turn[what] for turn, theirs in zip(ours.turns, best, strict=True)]


def timed(work: Callable[[], object]) -> Callable[[], tuple[float, float]]:
    """Return a function that calls `work` and returns its (wall, CPU) seconds."""

    def call() -> tuple[float, float]:
        wall, cpu = time.perf_counter(), time.process_time()
        work()
        return time.perf_counter() - wall, time.process_time() - cpu

    return call


@dataclass(frozen=True)
class Pair:
    """The (wall, CPU) seconds of one call of cnnkit and one of the peer."""

    ours: tuple[float, float]
    peer: tuple[float, float]

    def speed(self, what: int = 0) -> float:
        """Return the speed of cnnkit relative to the peer, by wall time (0) or CPU time (1)."""
        return self.peer[what] / max(self.ours[what], 1e-9)


def pairs(ours: Callable[[], tuple[float, float]], peer: Callable[[], tuple[float, float]], rounds: int) -> list[Pair]:
    """Call both in turns, after a warm-up call of each; each returns its (wall, CPU) seconds."""
    ours(), peer()
    return [Pair(ours(), peer()) for _ in range(rounds)]


def process(arguments: list[str], environment: dict[str, str] | None = None) -> tuple[float, float, float, str]:
    """Run a process; return (wall, CPU) seconds, peak megabytes including children, and its output."""
    code = (
        "import json,resource,subprocess,sys,time;s=time.perf_counter();"
        f"d=subprocess.run({arguments!r},stdout=-1,text=True);w=time.perf_counter()-s;"
        "u=resource.getrusage(resource.RUSAGE_CHILDREN);"
        "print(json.dumps([w,u.ru_utime+u.ru_stime,u.ru_maxrss/1024,d.stdout]));sys.exit(d.returncode)"
    )
    variables = {name: value for name, value in os.environ.items() if name != NO_BYTECODE} | (environment or {})
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, env=variables)
    wall, cpu, peak, printed = json.loads(done.stdout)
    return wall, cpu, peak, printed
