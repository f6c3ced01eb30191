"""What commands really ask of Linux for hostile files, by strace: paths, processes, network."""

import random
import shutil
import time
from pathlib import Path

from hostile.corpus import load_cases

from torture.good_files import write_good_files
from torture.lines import Line, choose_lines, list_lines
from torture.system_trace import find_breaches
from torture.trial import Budget, Found, Trial


def trace_commands(budget: Budget) -> Found:
    found = Found()
    good = budget.folder / "good"
    good.mkdir()
    weights = write_good_files(good)
    lines = choose_lines(list_lines(load_cases()), 100_000, budget.seed)
    random.Random(budget.seed).shuffle(lines)
    hdf5 = [line for line in lines if line.case.name.endswith((".h5", ".keras"))]
    mixed = [line for pair in zip(hdf5, lines, strict=False) for line in pair]  # the worker's files are every second
    end = time.monotonic() + budget.seconds
    calls = 0
    for line in [*_start_with_leaks(lines), *mixed, *lines][: budget.count]:
        if time.monotonic() > end:
            break
        counted, problems = _trace(line, budget.folder / "here", weights)
        calls += counted
        found.attempts += 1
        found.faults += [f"{line.case.name}: {line.words}: {problem}" for problem in problems]
    found.figures["system calls looked at"] = calls
    return found


def _start_with_leaks(lines: list[Line]) -> list[Line]:
    """Return first the cases that name another file, each once."""
    return [line for line in lines if line.case.name.startswith("leak-") and line.is_first][:2]


def _trace(line: Line, folder: Path, weights: Path) -> tuple[int, list[str]]:
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "work").mkdir(parents=True)
    path = folder / line.case.name
    line.case.write(path)
    arguments = line.door.fill(path, weights, folder / "work" / "out")
    return find_breaches(
        arguments, folder, (str(path), str(weights)), (str(folder if line.door.option == "--out" else folder / "work"),)
    )


TRIAL = Trial(
    "system-calls",
    "paths, processes and network of commands on hostile files, as strace sees them",
    "0 beyond the named file, the libraries and the output; 0 sockets; no program but our own worker",
    trace_commands,
    short=3,
    usual=150,
    long=5_000,
    needs=("linux", "strace"),
)
