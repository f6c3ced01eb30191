"""Run a check: every case on the reference and on each backend, and one row per compared pair."""

import itertools
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from cnnkit.backends.protocol import Backend
from cnnkit.errors import first_line
from cnnkit.parity.bounds import Comparison, Kind, bound, compare
from cnnkit.parity.check import Arena, Case, Check
from cnnkit.parity.explain import explain_cases
from cnnkit.parity.results import KNOWN, ParityRow
from cnnkit.precision import array_dtype

Results = Mapping[str, Any]


@dataclass
class Tally:
    """The state of one row while cases are added."""

    bound: float
    error: float = 0.0
    cases: int = 0
    problem: str = ""
    worst: str = ""
    failed: list[Case] = field(default_factory=list, repr=False)

    def add(self, comparison: Comparison, allowed: float, case: Case) -> None:
        """Add one comparison; remember the one that exceeds its bound most."""
        wrong = not comparison.error <= allowed
        if wrong and not (self.problem and self.error >= comparison.error):
            self.problem = comparison.problem or f"{comparison.error:.3g} where {allowed:.0e} is allowed"
            self.worst = case.label
        if wrong and case not in self.failed:
            self.failed.append(case)
        if comparison.error > self.error or np.isnan(comparison.error):
            self.error = comparison.error
            if not self.problem:
                self.worst = case.label


class Tallies(dict[tuple[str, str, str, Kind], Tally]):
    """Tallies by (backend, dtype, against, kind)."""

    def __missing__(self, key: tuple[str, str, str, Kind]) -> Tally:
        return self.setdefault(key, Tally(bound(key[3], key[1])))


class Attempt(NamedTuple):
    """The outcome of a case on one backend: results on the host or None, and a problem in words."""

    results: Results | None
    problem: str = ""


def run_check(check: Check, draws: int, seed: int, arenas: Sequence[Arena], oracle: Backend) -> list[ParityRow]:
    """Return the rows of a check; a backend that raises gets a failed row, the run goes on."""
    return make_rows(check, measure(check.cases(draws, seed), arenas, oracle), arenas, oracle)


def measure(cases: Iterable[Case], arenas: Sequence[Arena], oracle: Backend) -> Tallies:
    """Run all cases; compare with known answers, the oracle in float64, and arenas of one dtype with each other."""
    tallies = Tallies()
    tested = [arena for arena in arenas if type(arena.backend) is not type(oracle)]
    for case in cases:
        truth = attempt(Arena(oracle, "float64"), case)
        got = {id(a): attempt(a, case) if a in tested or a.dtype != "float64" else truth for a in arenas}
        known = case.wanted or {}
        unknown = {name: value for name, value in (truth.results or {}).items() if name not in known}
        for arena in arenas if known else ():
            _add_comparisons(tallies, case, arena, KNOWN, got[id(arena)], known)
        for arena in tested if unknown or not known else ():
            _add_comparisons(tallies, case, arena, oracle.name, got[id(arena)], unknown)
        for one, other in itertools.combinations(tested, 2):
            other_results = got[id(other)].results
            if one.dtype == other.dtype and got[id(one)].results is not None and other_results:
                _add_comparisons(tallies, case, one, other.backend.name, got[id(one)], other_results)
    return tallies


def attempt(arena: Arena, case: Case) -> Attempt:
    """Run the case on the backend; an exception becomes a problem."""
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            results = case.run(arena)
            wrong = _check_dtype(arena, case, results)
            host = {name: x if isinstance(x, np.ndarray) else arena.host(x) for name, x in results.items()}
    except Exception as error:
        return Attempt(None, f"raised {type(error).__name__}: {first_line(error)}"[:300])
    return Attempt(host, wrong)


def _check_dtype(arena: Arena, case: Case, results: Results) -> str:
    if case.dtype is None:
        return ""
    expected = _name_dtype(arena.backend.asarray(np.zeros(1), case.dtype or array_dtype(arena.dtype)))
    for name, x in results.items():
        if _name_dtype(x) != expected:
            return f"{name}: expected dtype {expected}, got {_name_dtype(x)}"
    return ""


def _name_dtype(x: Any) -> str:
    """torch.float32 -> "float32"."""
    return str(x.dtype).rpartition(".")[2]


def _add_comparisons(tallies: Tallies, case: Case, arena: Arena, against: str, got: Attempt, wanted: Results) -> None:
    """Compare `got` with `wanted` and add the errors to the tallies, one per kind of result."""
    place = (arena.backend.name, arena.dtype, against)
    kinds: set[Kind] = {case.kind_of(name) for name in wanted} or {case.kind}
    for kind in sorted(kinds):
        tally, allowed = tallies[*place, kind], bound(kind, arena.dtype)
        tally.cases += 1
        if got.results is None or got.problem or not wanted:
            tally.add(Comparison(np.inf, got.problem or "the reference gives no result"), allowed, case)
            continue
        for name, values in wanted.items():
            if case.kind_of(name) == kind:
                tally.add(_compare_result(case, name, got.results, values, allowed), allowed, case)


def _compare_result(case: Case, name: str, got: Results, values: Any, allowed: float) -> Comparison:
    if name not in got:
        return Comparison(np.inf, f"gives no {name}")
    error, problem = compare(got[name], values, scale=case.scale, relative=case.relative)
    return Comparison(
        error, "" if error <= allowed else f"{name}: {problem or f'{error:.3g} where {allowed:.0e} is allowed'}"
    )


def make_rows(check: Check, tallies: Tallies, arenas: Sequence[Arena], oracle: Backend) -> list[ParityRow]:
    """Return tallies as rows; failed ones are compared with the known mistakes."""
    rows = []
    for (name, dtype, against, kind), tally in tallies.items():
        arena = next(a for a in arenas if (a.backend.name, a.dtype) == (name, dtype))
        explained = explain_cases(tally.failed, arena, oracle)
        rows.append(
            ParityRow(check.section, check.name, kind, name, dtype, against, tally.error, tally.bound, tally.cases,
                tally.problem, tally.worst, explained, against in (KNOWN, oracle.name))
        )  # fmt: skip
    return rows
