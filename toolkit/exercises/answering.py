"""Calls the functions of a file, in the process that may be lost with it."""

import copy
import runpy
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cnnkit.backends.registry import get_backend
from cnnkit.exercises.exercise import Arguments, Exercise, Problem
from cnnkit.exercises.judging import NOT_WRITTEN, Reply

SEED = 20
ROUNDS = 5  # of a race
SHORT = 2.0  # seconds of a call that is worth repeating


def draw_cases(problem: Problem) -> Sequence[Arguments]:
    """Return the cases of a problem, the same in every process."""
    return problem.draw(np.random.default_rng(SEED))


def load_functions(file: Path) -> dict[str, Any]:
    """Run a file and return its names. Raises what it raises."""
    return runpy.run_path(str(file))


def answer_cases(problem: Problem, function: Callable[..., Any], file: str) -> list[Reply]:
    """Call the function for each case, until one fails."""
    answers: list[Reply] = []
    for case in draw_cases(problem):
        answers.append(answer_case(problem, function, case, file))
        if answers[-1].error:
            break
    return answers


def answer_case(problem: Problem, function: Callable[..., Any], case: Arguments, file: str) -> Reply:
    """Call the function with copies of the arguments, in their order."""
    given = copy.deepcopy(case)
    try:
        with np.errstate(all="ignore"):
            found = function(*(given[name] for name in problem.takes))
    except NotImplementedError:
        return Reply(error=NOT_WRITTEN)
    except Exception as error:
        return Reply(error=explain(error, file))
    if found is None:
        return Reply(error="returns None: is `return` missing?")
    single = len(problem.gives) == 1
    several = isinstance(found, tuple) or (isinstance(found, list) and not single)
    values = tuple(found) if several else (found,)
    try:
        results = tuple(np.asarray(value) for value in values)
    except ValueError:
        return Reply(error="returns rows of different lengths")
    if not all(result.dtype.kind in "fiub" for result in results):
        return Reply(error=f"returns {type(found).__name__}, expected numbers")
    changed = tuple(name for name in case if not np.array_equal(np.asarray(given[name]), np.asarray(case[name])))
    return Reply(results, changed=changed)


def explain(error: BaseException, file: str) -> str:
    """Return an error in one line, with the line of the file where it arose."""
    if isinstance(error, SyntaxError) and error.filename == file:
        return f"line {error.lineno}: {type(error).__name__}: {error.msg}"
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
    where = f"line {lines[-1]}: " if lines else ""
    return f"{where}{type(error).__name__}: {error}"


def race(exercise: Exercise, functions: dict[str, Any]) -> dict[str, float]:
    """Return {problem: its time as a multiple of ours}, for those that can be measured; the fastest of some calls."""
    ratios = {}
    for problem in exercise.problems:
        function = functions.get(problem.name)
        if problem.race is None or problem.ours is None or function is None:
            continue
        arguments = problem.race(np.random.default_rng(SEED))
        backend, ours = get_backend("numpy", threads=1), problem.ours
        values = [arguments[name] for name in problem.takes]
        try:
            theirs = _measure(lambda values=values, function=function: function(*values))  # type: ignore[misc]
        except Exception:  # noqa: S112 (it passed its cases; what it does with larger ones is no verdict)
            continue
        ratios[problem.name] = theirs / _measure(lambda backend=backend, ours=ours, a=arguments: ours(backend, a))  # type: ignore[misc]
    return ratios


def _measure(call: Callable[[], Any]) -> float:
    fastest = float("inf")
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        with np.errstate(all="ignore"):
            call()
        fastest = min(fastest, time.perf_counter() - begin)
        if fastest > SHORT:
            break
    return fastest
