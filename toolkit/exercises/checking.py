"""Checks a file: its functions run in a process of their own, for a limited time, and are judged."""

import ast
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from cnnkit import exporters
from cnnkit.errors import ConfigError
from cnnkit.exercises.answering import draw_cases
from cnnkit.exercises.exercise import Exercise
from cnnkit.exercises.judging import Judgement, Reply, judge
from cnnkit.exercises.table import EXERCISES
from cnnkit.exercises.worker import REPORT, RESULTS
from cnnkit.exporters.core import strict_json
from cnnkit.files.bounded_text import read_bounded
from cnnkit.files.names import printable
from cnnkit.files.writing.temporary import temporary_folder

SECONDS = 60.0
LARGEST = 1 << 20  # bytes of a file
_NAME = re.compile(r"Exercise ([\w-]+):")


def find_exercise(file: Path) -> Exercise:
    """Return the exercise that the file names, as its template does, or whose functions it defines; nothing is run.

    Raises ConfigError for a file without any, or that Python cannot read, and OSError.
    """
    source = read_bounded(file, LARGEST)
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError) as error:
        where = f": line {error.lineno}" if isinstance(error, SyntaxError) else ""
        raise ConfigError(f"{file}{where}: {type(error).__name__}: {getattr(error, 'msg', error)}") from None
    if (named := _NAME.match(ast.get_docstring(tree) or "")) and named[1] in EXERCISES:
        return EXERCISES[named[1]]
    defined = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    found = [exercise for exercise in EXERCISES.values() if {problem.name for problem in exercise.problems} & defined]
    if not found:
        names = ", ".join(problem.name for exercise in EXERCISES.values() for problem in exercise.problems)
        way = "start one with cnnkit exercise start NAME"
        raise ConfigError(f"{file}: expected a function of an exercise ({names}): {way}")
    return max(found, key=lambda exercise: len({problem.name for problem in exercise.problems} & defined))


def check(exercise: str | Exercise, file: str | Path, seconds: float = SECONDS) -> tuple[Judgement, ...]:
    """Run the functions of a file, which is code of whoever asks, and judge each.

    seconds: after which the file is stopped.

    Raises ConfigError where the file cannot be run, lacks a function, or takes too long.
    """
    chosen = EXERCISES[exercise] if isinstance(exercise, str) else exercise
    with temporary_folder(Path(tempfile.gettempdir()) / "exercise") as folder:
        command = [sys.executable, "-m", "cnnkit.exercises.worker", chosen.name, str(Path(file).resolve()), str(folder)]
        try:
            done = subprocess.run(  # noqa: S603 (the file of whoever asks for its check)
                command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=seconds,
                check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise ConfigError(f"{file}: ran for more than {seconds:g} s: is there a loop without an end?") from None
        if done.returncode or not (folder / REPORT).exists():
            lines = done.stderr.decode("utf-8", "replace").strip().splitlines() or [f"status {done.returncode}"]
            raise ConfigError(f"{file}: Python ended: {printable(lines[-1], 300)}")
        return _read(chosen, Path(file), folder)


def _read(exercise: Exercise, file: Path, folder: Path) -> tuple[Judgement, ...]:
    report: Any = strict_json.read_file(folder / REPORT, LARGEST)
    if report["failed"]:
        raise ConfigError(f"{file}: {report['failed']}")
    if report["missing"]:
        raise ConfigError(f"{file}: expected the function {report['missing'][0]}, found none of that name")
    tensors, judgements = exporters.read(folder / RESULTS), []
    for problem in exercise.problems:
        answers = [
            Reply(
                tuple(tensors[f"{problem.name}.{place}.{i}"].read() for i in range(found["results"])), found["error"],
                tuple(found["changed"]),
            )
            for place, found in enumerate(report["problems"][problem.name])
        ]  # fmt: skip
        judgements.append(judge(problem, draw_cases(problem), answers, report["ratios"].get(problem.name)))
    return tuple(judgements)
