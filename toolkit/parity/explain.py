"""Find out why a result is wrong: compare the first wrong call with the results of known mistakes."""

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from cnnkit.backends.protocol import Backend
from cnnkit.optimizers import Scalars, UpdateRule
from cnnkit.parity.bounds import Kind, bound, compare
from cnnkit.parity.check import Arena, Case
from cnnkit.parity.mistakes import MISTAKES, updates
from cnnkit.parity.recording import Call, arrays_of, ask_oracle, recorded

UNKNOWN = "no known mistake"
CASES_TRIED = 6  # of the failing ones
SHARE = 0.02  # of the error may remain when a mistake explains it, since rounding may differ


def explain_cases(cases: Sequence[Case], arena: Arena, oracle: Backend) -> str:
    """Return the wrong call and the mistake that reproduces it in all cases: `convolve: the kernel ...`.

    "" when every call is right: then the error lies between the calls. One case alone may fit several mistakes.
    """
    reasons = list(filter(None, (_explain_case(case, arena, oracle) for case in cases[:CASES_TRIED])))
    if not reasons:
        return ""
    unknown = f"{reasons[0][0].partition(':')[0]}: {UNKNOWN}"
    return next((reason for reason in reasons[0] if all(reason in others for others in reasons)), unknown)


def _explain_case(case: Case, arena: Arena, oracle: Backend) -> list[str]:
    watched, calls = recorded(arena)
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            case.run(watched)
        except Exception:
            return []
        return explain_calls(calls, arena.dtype, oracle)


def explain_calls(calls: Sequence[Call], dtype: str, oracle: Backend) -> list[str]:
    """Return, for the first wrong call, the mistakes that reproduce its result: `convolve: the kernel ...`."""
    for call in calls:
        try:
            truth = arrays_of(call, ask_oracle(oracle, call))
        except Exception:  # noqa: S112 (a call that the oracle cannot make explains nothing)
            continue
        got = arrays_of(call, call.result)
        if not _are_finite(truth):  # NaN and infinity are right here, and compared as numbers
            truth, got = _mark(truth), _mark(got)
        allowed = bound(_choose_kind(call), dtype)
        error = measure_error(got, truth)
        if not error <= allowed:
            reasons = [*_find_mistakes(call, got, truth, max(allowed, SHARE * error), oracle)]
            return [f"{call.member}: {reason}" for reason in reasons or [UNKNOWN]]
    return []


def explain_update(
    optimizer: UpdateRule, path: str, parameter: Any, gradient: Any, slots: Sequence[Any], scalars: Scalars,
    answer: Sequence[Any], dtype: str, oracle: Backend,
) -> str:  # fmt: skip
    """Return the mistake that reproduces `answer`, the new parameter and slots of the parameter at `path`."""
    watched, calls = recorded(Arena(oracle, "float64"))
    arrays = watched.array(parameter), watched.array(gradient), [watched.array(slot) for slot in slots]
    optimizer.step_at(path, watched.backend, *arrays, scalars)
    calls = [replace(call, result=tuple(answer)) for call in calls if call.member in updates.MISTAKES]
    return next(iter(explain_calls(calls, dtype, oracle)), "")


def measure_error(got: Sequence[Any], wanted: Sequence[Any]) -> float:
    """Return the largest error of several arrays; infinite for different numbers of arrays."""
    if len(got) != len(wanted):
        return np.inf
    return max((compare(a, b, scale=_choose_scale(b)).error for a, b in zip(got, wanted, strict=True)), default=0.0)


def _are_finite(arrays: Sequence[Any]) -> bool:
    return all(np.isfinite(np.asarray(a, np.float64)).all() for a in arrays)


def _mark(arrays: Sequence[Any]) -> list[Any]:
    """Return the arrays with numbers in place of NaN and infinities."""
    return [np.nan_to_num(np.asarray(a), nan=-31.0, posinf=37.0, neginf=-37.0) for a in arrays]


def _choose_scale(values: Any) -> float:
    """Return the largest magnitude if it is very small or very large, else 1."""
    largest = float(np.max(np.abs(values), initial=0.0))
    return 1.0 if 1e-6 < largest < 1e6 or largest == 0 or not np.isfinite(largest) else largest


def _find_mistakes(
    call: Call, got: Sequence[Any], truth: Sequence[Any], tolerance: float, oracle: Backend
) -> Iterator[str]:
    if not _are_finite(got):
        yield "gives NaN or infinity"
        return
    for words, mistake in MISTAKES.get(call.member, {}).items():
        try:
            wrong = _mark(arrays_of(call, mistake(oracle, call)))
        except Exception:  # noqa: S112 (any error of a call with wrong arguments)
            continue  # this mistake is impossible with these arguments
        if measure_error(got, wrong) <= min(tolerance, 0.5 * measure_error(truth, wrong)):
            yield words
    yield from find_general_mistakes(got, truth, tolerance)


def find_general_mistakes(got: Sequence[Any], truth: Sequence[Any], tolerance: float) -> Iterator[str]:
    """Yield mistakes that any result can have: shape, factor, reversed axis, float32 instead of float64."""
    shapes = [np.shape(a) for a in got], [np.shape(b) for b in truth]
    if shapes[0] != shapes[1]:
        yield f"gives shape {', '.join(map(str, shapes[0]))} instead of {', '.join(map(str, shapes[1]))}"
        return
    doubles = [a for a in got if a.ndim and a.dtype == np.float64]
    if doubles and all(np.array_equal(a, a.astype(np.float32)) for a in doubles) and measure_error(got, truth) < 1e-4:
        yield "computes in float32"
    for a, b in zip(got, truth, strict=True):
        size = float(np.sum(np.square(b, dtype=np.float64)))
        factor = float(np.sum(np.multiply(a, b, dtype=np.float64))) / size if size else 0.0
        if size and measure_error([a], [factor * b]) <= tolerance / 10 and abs(factor - 1) > 1e-12:
            yield "the sign is wrong" if abs(factor + 1) < 1e-6 else f"multiplied by {factor:.6g}"
        for axis in range(b.ndim):
            if measure_error([a], [np.flip(b, axis)]) <= tolerance < measure_error([b], [np.flip(b, axis)]):
                yield f"axis {axis} is reversed"


def _choose_kind(call: Call) -> Kind:
    return "gradient" if call.member.endswith("gradient") else "forward"
