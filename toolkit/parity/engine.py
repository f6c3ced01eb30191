"""Running a check: every case on the reference and on each backend, and one row for each pair that is compared."""

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
from cnnkit.parity.results import KNOWN, ParityRow

Results = Mapping[str, Any]


@dataclass
class Tally:
    """What one row knows so far."""

    bound: float
    error: float = 0.0
    cases: int = 0
    problem: str = ""
    worst: str = ""
    failed: list[Case] = field(default_factory=list, repr=False)

    def add(self, found: Comparison, allowed: float, case: Case) -> None:
        """Take one comparison in; the one furthest beyond its bound is remembered."""
        wrong = not found.error <= allowed
        if wrong and not (self.problem and self.error >= found.error):
            self.problem = found.problem or f"{found.error:.3g} where {allowed:.0e} is allowed"
            self.worst = case.label
        if wrong and case not in self.failed:
            self.failed.append(case)
        if found.error > self.error or np.isnan(found.error):
            self.error = found.error
            if not self.problem:
                self.worst = case.label


class Found(dict[tuple[str, str, str, Kind], Tally]):
    """Tallies by (backend, dtype, against, kind)."""

    def __missing__(self, key: tuple[str, str, str, Kind]) -> Tally:
        return self.setdefault(key, Tally(bound(key[3], key[1])))


class Attempt(NamedTuple):
    """What a backend made of a case: results on the host, or None; and what went wrong."""

    results: Results | None
    problem: str = ""


def run_check(check: Check, draws: int, seed: int, arenas: Sequence[Arena], oracle: Backend) -> list[ParityRow]:
    """Return the check's rows; a backend that raises fails, it does not end the run."""
    return rows_of(check, measure(check.cases(draws, seed), arenas, oracle), arenas, oracle)


def measure(cases: Iterable[Case], arenas: Sequence[Arena], oracle: Backend) -> Found:
    """Return the tallies of all cases.

    Against the oracle in float64, against answers that are known, and the arenas of one dtype against each other.
    """
    found = Found()
    outsiders = [arena for arena in arenas if type(arena.backend) is not type(oracle)]
    for case in cases:
        truth = attempt(Arena(oracle, "float64"), case)
        got = {id(a): attempt(a, case) if a in outsiders or a.dtype != "float64" else truth for a in arenas}
        known = case.wanted or {}
        unknown = {name: value for name, value in (truth.results or {}).items() if name not in known}
        for arena in arenas if known else ():
            _judge(found, case, arena, KNOWN, got[id(arena)], known)
        for arena in outsiders if unknown or not known else ():
            _judge(found, case, arena, oracle.name, got[id(arena)], unknown)
        for one, other in itertools.combinations(outsiders, 2):
            theirs = got[id(other)].results
            if one.dtype == other.dtype and got[id(one)].results is not None and theirs:
                _judge(found, case, one, other.backend.name, got[id(one)], theirs)
    return found


def attempt(arena: Arena, case: Case) -> Attempt:
    """Return what the backend makes of the case; whatever it raises is a result too."""
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            results = case.run(arena)
            wrong = _wrong_dtype(arena, case, results)
            found = {name: x if isinstance(x, np.ndarray) else arena.host(x) for name, x in results.items()}
    except Exception as error:
        return Attempt(None, f"raised {type(error).__name__}: {first_line(error)}"[:300])
    return Attempt(found, wrong)


def _wrong_dtype(arena: Arena, case: Case, results: Results) -> str:
    if case.dtype is None:
        return ""
    expected = _dtype(arena.backend.asarray(np.zeros(1), case.dtype or arena.dtype))
    for name, x in results.items():
        if _dtype(x) != expected:
            return f"{name}: expected dtype {expected}, got {_dtype(x)}"
    return ""


def _dtype(x: Any) -> str:
    """torch.float32 -> "float32"."""
    return str(x.dtype).rpartition(".")[2]


def _judge(found: Found, case: Case, arena: Arena, against: str, got: Attempt, wanted: Results) -> None:
    """Add what `got` is worth to its tallies, one for each kind of result."""
    place = (arena.backend.name, arena.dtype, against)
    kinds: set[Kind] = {case.kind_of(name) for name in wanted} or {case.kind}
    for kind in sorted(kinds):
        tally, allowed = found[*place, kind], bound(kind, arena.dtype)
        tally.cases += 1
        if got.results is None or got.problem or not wanted:
            tally.add(Comparison(np.inf, got.problem or "the reference gives no result"), allowed, case)
            continue
        for name, values in wanted.items():
            if case.kind_of(name) == kind:
                tally.add(_compared(case, name, got.results, values, allowed), allowed, case)


def _compared(case: Case, name: str, got: Results, values: Any, allowed: float) -> Comparison:
    if name not in got:
        return Comparison(np.inf, f"gives no {name}")
    error, what = compare(got[name], values, scale=case.scale, relative=case.relative)
    return Comparison(
        error, "" if error <= allowed else f"{name}: {what or f'{error:.3g} where {allowed:.0e} is allowed'}"
    )


def rows_of(check: Check, found: Found, arenas: Sequence[Arena], oracle: Backend) -> list[ParityRow]:
    """Return tallies as rows; what failed is held against the known mistakes."""
    from cnnkit.parity.explain import explain_cases

    rows = []
    for (name, dtype, against, kind), tally in found.items():
        arena = next(a for a in arenas if (a.backend.name, a.dtype) == (name, dtype))
        explained = explain_cases(tally.failed, arena, oracle)
        rows.append(
            ParityRow(check.section, check.name, kind, name, dtype, against, tally.error, tally.bound, tally.cases,
                tally.problem, tally.worst, explained, against in (KNOWN, oracle.name))
        )  # fmt: skip
    return rows
