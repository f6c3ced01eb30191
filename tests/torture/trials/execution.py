"""Files that carry code or lead to other files: an audit hook sees what is opened, imported, started and run."""

import os
import shutil
import time
from pathlib import Path

from hostile.corpus import load_cases
from hostile.execution_files import CASES

from torture.bench import find_leaks, try_lines
from torture.lines import Line, choose_lines, list_lines
from torture.program import run_cnnkit
from torture.trial import Budget, Found, Trial

_BESIDE = "beside-"  # modules beside the file: only a process of its own shows that they are not imported
_SMALL = 200


def try_execution(budget: Budget) -> Found:
    end = time.monotonic() + 0.8 * budget.seconds
    known = {case.name for case in CASES}
    lines = choose_lines(list_lines(CASES), budget.count, budget.seed)
    others = list_lines(case for case in load_cases() if case.name not in known)
    lines += choose_lines(others, max(budget.count - len(lines), 0), budget.seed)
    benches = 1 if len(lines) < _SMALL else os.cpu_count() or 1
    tally = try_lines(lines, budget.folder, end, watched=True, benches=benches)
    found = Found(tally.attempts, tally.faults)
    beside = [line for line in list_lines(CASES) if line.case.name.startswith(_BESIDE) and line.is_first]
    for line in beside[: 1 if len(lines) < _SMALL else None]:
        found.faults += _try_beside(line, budget.folder / "beside")
        found.attempts += 1
    found.figures = {"cases with code or paths": len(CASES), "worker processes with a hook": tally.workers}
    found.figures |= {"left for lack of time": len(lines) - tally.attempts} if tally.attempts < len(lines) else {}
    found.figures["statuses"] = tally.describe_worst()["statuses"]
    return found


def _try_beside(line: Line, folder: Path) -> list[str]:
    """Run a command, as its installed script does, in the file's folder, where a module of a library's name lies."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    path = folder / line.case.name
    line.case.write(path)
    outcome = run_cnnkit(line.door.fill(path, path, folder / "out"), folder)
    problems = [outcome.find_fault((0,)), *find_leaks(outcome.output + outcome.errors, folder, path)]
    return [f"{line.case.name} in its folder: {line.words}: {problem}" for problem in problems if problem]


TRIAL = Trial(
    "code-execution",
    "files that carry code or lead to other files, watched by an audit hook",
    "0 executed, imported, connected, started; opened: the named file alone",
    try_execution,
    short=45,
    usual=4_000,
    long=100_000,
    needs=("linux",),
)
