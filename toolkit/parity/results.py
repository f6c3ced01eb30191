"""Results of the parity suite: one row per check, the trainings, and whether all passed."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from cnnkit.parity.trajectories.compare import Trajectory

KNOWN = "known answer"  # `against` of a row that is not compared with another backend


@dataclass(frozen=True)
class ParityRow:
    """One check of one backend in one dtype against one other.

    kind      forward, gradient or exact
    error     the largest error of all cases, in the measure of `bound`; infinite where a case raised or gave NaN
    problem   what failed, in words; `worst` names the case with the largest error
    explained a known mistake that reproduces the failing result, if there is one
    truth     True: compared with the reference or a known answer; False: with another backend under test
    """

    section: str
    name: str
    kind: str
    backend: str
    dtype: str
    against: str
    error: float
    bound: float
    cases: int
    problem: str = ""
    worst: str = ""
    explained: str = ""
    truth: bool = True

    @property
    def passed(self) -> bool:
        """Whether the error is within the bound; False for NaN and where no case was compared."""
        return self.cases > 0 and not self.problem and self.error <= self.bound

    def to_json(self) -> dict[str, Any]:
        """Return the keys that `cnnkit parity --json` prints."""
        facts = {key: getattr(self, key) for key in self.__dataclass_fields__ if key != "error"}
        error = self.error if math.isfinite(self.error) else None
        return facts | {"max_error": error, "passed": self.passed}


@dataclass
class ParityResults:
    """All rows, in the order in which the checks ran.

    machine   {name: value}: backends with their device, versions, options of the run
    trainings the trajectories behind the rows of section "trainings"
    extras    anything else that a backend or a benchmark adds to the published file, such as launches per kernel
    """

    backends: tuple[str, ...]
    dtypes: tuple[str, ...]
    rows: list[ParityRow] = field(default_factory=list)
    trainings: list[Trajectory] = field(default_factory=list)
    machine: dict[str, Any] = field(default_factory=dict)
    extras: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def passed(self) -> bool:
        """Whether every row passed; False without rows."""
        return bool(self.rows) and all(row.passed for row in self.rows)

    @property
    def failures(self) -> list[ParityRow]:
        """The rows that did not pass."""
        return [row for row in self.rows if not row.passed]

    @property
    def first_divergence(self) -> ParityRow | None:
        """The first row that did not pass; checks run from small to large, so it is nearest to the cause."""
        return next(iter(self.failures), None)

    def sections(self) -> dict[str, list[ParityRow]]:
        """Return the rows by section, in order."""
        sections: dict[str, list[ParityRow]] = {}
        for row in self.rows:
            sections.setdefault(row.section, []).append(row)
        return sections

    def to_json(self) -> dict[str, Any]:
        """Return the results as JSON-ready data."""
        first = self.first_divergence
        return {
            "backends": list(self.backends),
            "dtype": " ".join(self.dtypes),
            "passed": self.passed,
            "checks": [row.to_json() for row in self.rows],
            "first_divergence": first and first.to_json(),
            "trainings": [training.to_json() for training in self.trainings],
            "machine": self.machine,
            "extras": self.extras,
            "seconds": self.seconds,
        }


def worst(rows: Iterable[ParityRow]) -> ParityRow | None:
    """Return the row whose error is the largest share of its bound; a row that failed comes first."""
    return max(rows, key=_nearness, default=None)


def _nearness(row: ParityRow) -> float:
    if not row.passed:
        return math.inf
    return row.error / row.bound if row.bound else 0.0
