"""Every hostile case through every command line that takes it."""

import time
from pathlib import Path

from hostile.corpus import load_cases
from torture.corpus_run import MOST_BYTES, MOST_SECONDS, Bench, Line, choose_lines, list_lines
from torture.program import run_cnnkit
from torture.trial import Budget, Found, Trial

_FRESH = 50  # one attempt of so many is made again by a process of its own


def try_hostile_files(budget: Budget) -> Found:
    found = Found()
    cases = load_cases()
    every = list_lines(cases)
    lines = choose_lines(every, budget.count, budget.seed)
    order = {case.name: number for number, case in enumerate(cases)}
    lines.sort(key=lambda line: order[line.case.name])  # so that each case is written once
    end = time.monotonic() + budget.seconds
    with Bench(budget.folder) as bench:
        for number, line in enumerate(lines):
            if time.monotonic() > end:
                break
            bench.try_one(line)
            if number % _FRESH == 0:
                found.faults += _try_afresh(line, budget.folder / "fresh", bench.weights)
    found.attempts, found.faults = bench.attempts, bench.faults + found.faults
    if bench.attempts < len(lines):
        found.faults.append(f"only {bench.attempts} of {len(lines)} attempts in {budget.seconds:.0f} s")
    found.figures = {
        "cases": len(cases),
        "command lines": len({line.words for line in every}),
        "slowest, s": f"{bench.slowest[0]} ({bench.slowest[1]})",
        "largest peak, MiB": f"{bench.largest[0] / 2**20:.0f} ({bench.largest[1]})",
        "statuses": ", ".join(f"{status}: {count}" for status, count in sorted(bench.statuses.items(), key=str)),
    }
    return found


def _try_afresh(line: Line, folder: Path, weights: Path) -> list[str]:
    """Do what the zygote's child did in a process of its own, and compare with the same limits."""
    folder.mkdir(exist_ok=True)
    place = folder / str(len(list(folder.iterdir())))
    (place / "work").mkdir(parents=True)
    line.case.write(place / line.case.name)
    arguments = line.door.fill(place / line.case.name, weights, place / "work" / "out")
    outcome = run_cnnkit(arguments, place / "work", 60.0)
    problems = [outcome.find_fault(line.statuses)]
    if outcome.seconds > 2 * MOST_SECONDS:
        problems.append(f"{outcome.seconds:.1f} s")
    if outcome.peak > MOST_BYTES:
        problems.append(f"{outcome.peak >> 20} MiB")
    return [f"{line.case.name}: {line.words}: in a process of its own: {problem}" for problem in problems if problem]


TRIAL = Trial(
    "hostile-files",
    "hostile and malformed files through every command that takes a path",
    "0 tracebacks, crashes, hangs over 5 s, wrong verdicts; at most 256 MiB",
    try_hostile_files,
    short=90,
    usual=20_000,
    long=1_000_000,
    needs=("linux",),
)
