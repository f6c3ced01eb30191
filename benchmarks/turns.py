"""Contestants that take turns, each in a process of its own, and the ratios of what they did side by side."""

import json
import os
import statistics
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

TURN = 0.4  # seconds that a turn should last
LOADED = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass
class Contestant:
    """A process that takes steps when told to."""

    task: dict[str, Any]
    steps: int = 0
    turns: list[dict[str, float]] = field(default_factory=list)  # of one step

    def __post_init__(self) -> None:
        threads = str(self.task["threads"])
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("worker.py")), json.dumps(self.task)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env=os.environ | dict.fromkeys(LOADED, threads),
        )  # fmt: skip

    def ask(self, steps: int) -> dict[str, float]:
        """Take steps and return what they cost together."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(steps, file=self._process.stdin, flush=True)
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.task}: the process ended")
        answer: dict[str, float] = json.loads(line)
        return answer

    def warm_up(self) -> None:
        """Take the first steps, which compile and allocate, and choose how many make a turn."""
        self.ask(2)
        self.steps = max(1, round(TURN / self.ask(3)["wall"] * 3))

    def turn(self) -> None:
        cost = self.ask(self.steps)
        self.turns.append({"wall": cost["wall"] / self.steps, "cpu": cost["cpu"] / self.steps, "peak": cost["peak"]})

    def median(self, what: str = "wall") -> float:
        return statistics.median(turn[what] for turn in self.turns)

    def close(self) -> None:
        self._process.communicate()


def compete(tasks: dict[str, dict[str, Any]], rounds: int) -> dict[str, Contestant]:
    """Let all contestants take turns, `rounds` times after a warm-up."""
    contestants = {name: Contestant(task) for name, task in tasks.items()}
    for contestant in contestants.values():
        contestant.warm_up()
    for _ in range(rounds):
        for contestant in contestants.values():
            contestant.turn()
    for contestant in contestants.values():
        contestant.close()
    return contestants


def ratios(ours: Contestant, peers: list[Contestant], what: str = "wall") -> list[float]:
    """Return, round by round, how many times as fast as the best of the peers we were, ascending."""
    best = [min(turns) for turns in zip(*([turn[what] for turn in peer.turns] for peer in peers), strict=True)]
    return sorted(theirs / turn[what] for turn, theirs in zip(ours.turns, best, strict=True))


def shown(values: list[float]) -> str:
    """Return "median (smallest to largest)"."""
    return f"{statistics.median(values):.2f} ({values[0]:.2f} to {values[-1]:.2f})"
