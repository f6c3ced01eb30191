"""Whether answers are right, and which known mistake gives the same."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cnnkit.exercises.exercise import Arguments, Problem, Results
from cnnkit.exercises.terms import write_number, write_place
from cnnkit.parity.explain import find_general_mistakes

TOLERANCE = 1e-5  # times 1 + the largest value: float32 arithmetic passes


@dataclass(frozen=True)
class Reply:
    """What a function gave for a case: results, or the error that it raised; and which arguments it changed."""

    results: Results = ()
    error: str = ""
    changed: tuple[str, ...] = ()


@dataclass(frozen=True)
class Judgement:
    """A verdict on one function.

    problem      its name
    passed       whether all results are right
    written      False where it is still the template
    mistakes     the known mistakes that give the same results, the likeliest first; empty where none does
    first        the first value that is wrong: expected and got, and of which case
    derivation   how the right value comes about
    ratio        its time as a multiple of ours, None where it was not measured
    """

    problem: str
    passed: bool
    written: bool = True
    mistakes: tuple[str, ...] = ()
    first: str = ""
    derivation: str = ""
    ratio: float | None = None


def judge(
    problem: Problem, cases: Sequence[Arguments], answers: Sequence[Reply], ratio: float | None = None
) -> Judgement:
    """Compare the answers to all cases with the right results, and where they differ with those of the mistakes.

    The answers end with the first error; those before it tell the mistake.
    """
    if answers[-1].error == NOT_WRITTEN:
        return Judgement(problem.name, False, written=False)
    failed = ""
    if answers[-1].error:
        failed = f"{answers[-1].error}, for {describe_case(cases[len(answers) - 1])}"
        answers = answers[:-1]
    cases = cases[: len(answers)]
    rights = [problem.solve(case) for case in cases]
    gots = [answer.results for answer in answers]
    number = len(problem.gives)
    if wrong := next((got for got in gots if len(got) != number), None):
        said = f"returns {len(wrong)} results instead of {number}: {', '.join(problem.gives)}"
        return Judgement(problem.name, False, mistakes=(said,))
    first = _find_first(problem, cases, gots, rights)
    if failed:
        mistakes = tuple(_name_mistakes(problem, cases, gots, rights)) if first else ()
        return Judgement(problem.name, False, mistakes=mistakes, first=failed)
    if first is None:
        changed = sorted({name for answer in answers for name in answer.changed})
        kept = tuple(f"the argument {name} is changed in place: work on a copy" for name in changed)
        return Judgement(problem.name, not changed, mistakes=kept, ratio=None if changed else ratio)
    return Judgement(problem.name, False, True, tuple(_name_mistakes(problem, cases, gots, rights)), *first)


NOT_WRITTEN = "not written"


def describe_case(case: Arguments) -> str:
    """Return the arguments in one line: shapes of arrays, values of numbers."""
    return ", ".join(
        f"{name} {tuple(value.shape)}" if isinstance(value, np.ndarray) else f"{name} {value}"
        for name, value in case.items()
    )


def _differs(got: Any, right: Any) -> Any:
    """Return where values differ; NaN and infinities are equal to themselves."""
    got, right = np.asarray(got, np.float64), np.asarray(right, np.float64)
    finite = right[np.isfinite(right)]
    bound = TOLERANCE * (1 + float(np.abs(finite).max(initial=0.0)))
    with np.errstate(invalid="ignore"):
        near = np.abs(got - right) <= bound
    return ~(near | (got == right) | (np.isnan(got) & np.isnan(right)))


def _are_same(got: Any, right: Any) -> bool:
    return np.shape(got) == np.shape(right) and not _differs(got, right).any()


def _find_first(
    problem: Problem, cases: Sequence[Arguments], gots: Sequence[Results], rights: Sequence[Results]
) -> tuple[str, str] | None:
    """Return (the first wrong value, its derivation), None where all is right."""
    for case, got, right in zip(cases, gots, rights, strict=True):
        for name, a, b in zip(problem.gives, got, right, strict=True):
            where = f"for {describe_case(case)}"
            if a.shape != b.shape:
                return f"{name} has shape {a.shape}, expected {b.shape}, {where}", ""
            if (wrong := _differs(a, b)).any():
                place = tuple(int(i) for i in np.argwhere(wrong)[0]) if a.ndim else ()
                values = f"expected {write_number(b[place])}, got {write_number(a[place])}"
                return f"{write_place(name, place)}: {values}, {where}", problem.derive(case, name, place)
    return None


def _name_mistakes(
    problem: Problem, cases: Sequence[Arguments], gots: Sequence[Results], rights: Sequence[Results]
) -> list[str]:
    """Return the mistakes that give all results; else those that give a wrong result each; else general words."""
    places = range(len(problem.gives))
    wrong = [i for i in places if not all(_are_same(a[i], b[i]) for a, b in zip(gots, rights, strict=True))]
    by_result: dict[int, list[str]] = {i: [] for i in wrong}
    whole = []
    for words, mistake in problem.mistakes.items():
        try:
            with np.errstate(all="ignore"):
                theirs = [problem.solve(case, mistake) for case in cases]
        except Exception:  # noqa: S112 (any error of a mistake that a case does not allow)
            continue
        same = [i for i in places if all(_are_same(a[i], b[i]) for a, b in zip(gots, theirs, strict=True))]
        if len(same) == len(places):
            whole.append(words)
        for i in set(same) & set(wrong):
            by_result[i].append(words)
    if whole:
        return whole
    if by_result and all(by_result.values()):
        return list(dict.fromkeys(found[0] for found in by_result.values()))
    named = list(dict.fromkeys(found[0] for found in by_result.values() if found))
    general = [
        f"{problem.gives[i]}: {words}"
        for i in wrong
        if not by_result[i]
        for words in _describe_generally([got[i] for got in gots], [right[i] for right in rights])
    ]
    return named + general


def _describe_generally(gots: Sequence[Any], rights: Sequence[Any]) -> list[str]:
    """Return words that fit all cases: a factor, a sign, a reversed axis, NaN."""
    if any(np.isnan(np.asarray(got, np.float64)).any() for got in gots):
        return ["gives NaN"]
    found = [
        set(find_general_mistakes([np.asarray(got, np.float64)], [np.asarray(right, np.float64)], TOLERANCE))
        for got, right in zip(gots, rights, strict=True)
        if np.isfinite(np.asarray(got, np.float64)).all()
    ]
    return sorted(set.intersection(*found)) if found else []
