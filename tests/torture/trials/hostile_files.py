"""Every hostile case through every command line that takes it."""

import os
import time
from pathlib import Path

from hostile.corpus import load_cases

from torture.bench import MOST_BYTES, MOST_SECONDS, try_lines
from torture.good_files import write_good_files
from torture.lines import Line, choose_lines, list_lines
from torture.program import run_cnnkit
from torture.trial import Budget, Found, Trial

_FRESH = 200  # one attempt of so many is made again by a process of its own


def try_hostile_files(budget: Budget) -> Found:
    cases = load_cases()
    every = list_lines(cases)
    lines = choose_lines(every, budget.count, budget.seed)
    started = time.monotonic()
    end = started + 0.9 * budget.seconds
    benches = 1 if len(lines) < _FRESH else os.cpu_count() or 1
    tally = try_lines(lines, budget.folder, end, benches=benches)
    found = Found(tally.attempts, tally.faults)
    afresh = budget.folder / "fresh"
    afresh.mkdir()
    weights = write_good_files(afresh)
    for number, line in enumerate(lines[::_FRESH]):
        if number and time.monotonic() > started + budget.seconds:
            break
        found.faults += _try_afresh(line, afresh / str(number), weights)
    found.figures = {"cases": len(cases), "command lines": len({line.words for line in every})}
    found.figures |= {"left for lack of time": len(lines) - tally.attempts} if tally.attempts < len(lines) else {}
    found.figures |= tally.describe_worst()
    return found


def _try_afresh(line: Line, folder: Path, weights: Path) -> list[str]:
    """Do in a process of its own what the zygote's child did: the same limits hold."""
    (folder / "work").mkdir(parents=True)
    path = folder / line.case.name
    line.case.write(path)
    outcome = run_cnnkit(line.door.fill(path, weights, folder / "work" / "out"), folder)
    problems = [outcome.find_fault(line.statuses)]
    if outcome.seconds > 4 * MOST_SECONDS:  # of wall clock, with the start of Python, on a machine with other work
        problems.append(f"{outcome.seconds:.1f} s")
    if outcome.peak > MOST_BYTES:
        problems.append(f"{outcome.peak >> 20} MiB")
    return [f"{line.case.name}: {line.words}: in a process of its own: {problem}" for problem in problems if problem]


TRIAL = Trial(
    "hostile-files",
    "hostile and malformed files through every command that takes a path",
    "0 tracebacks, crashes, hangs over 5 s, wrong verdicts; at most 256 MiB",
    try_hostile_files,
    short=45,
    usual=1_000_000,
    long=1_000_000,
    needs=("linux",),
)
