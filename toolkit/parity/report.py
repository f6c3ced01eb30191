"""What the parity suite found: rows, trainings, and whether all is well."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cnnkit.parity.trajectories.compare import Trajectory

KNOWN = "known answer"  # what a row is held against where it is not another backend


@dataclass(frozen=True)
class Row:
    """One check of one backend in one dtype against one other.

    kind      forward, gradient or exact
    error     the largest over all cases, in the measure of `bound`; infinite where something raised or was NaN
    problem   what failed, in words; `worst` names the case with the largest error
    explained a known mistake that reproduces the failing result, if one does
    truth     held against the reference or a known answer, not against another backend on trial
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
        """Whether the error is within the bound; NaN is not, and nothing compared is nothing passed."""
        return self.cases > 0 and not self.problem and self.error <= self.bound

    @property
    def verdict(self) -> str:
        """Return pass or FAIL."""
        return "pass" if self.passed else "FAIL"

    def to_json(self) -> dict[str, Any]:
        """Return the keys that `cnnkit parity --json` prints."""
        facts = {key: getattr(self, key) for key in self.__dataclass_fields__ if key != "error"}
        error = self.error if math.isfinite(self.error) else None
        return facts | {"max_error": error, "passed": self.passed}


@dataclass
class Report:
    """All rows, in the order they were found.

    machine   name -> what ran: backends with device, versions; options of the run
    trainings what trajectories say in more words than a row has
    extras    anything else that a backend or a benchmark wants in the published file, such as launches per kernel
    """

    backends: tuple[str, ...]
    dtypes: tuple[str, ...]
    rows: list[Row] = field(default_factory=list)
    trainings: list[Trajectory] = field(default_factory=list)
    machine: dict[str, Any] = field(default_factory=dict)
    extras: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def passed(self) -> bool:
        """Whether every row passed; a report without rows has not."""
        return bool(self.rows) and all(row.passed for row in self.rows)

    @property
    def failures(self) -> list[Row]:
        """The rows that did not pass."""
        return [row for row in self.rows if not row.passed]

    @property
    def first_divergence(self) -> Row | None:
        """The first row that did not pass; checks run from the small to the large, so it is nearest to the cause."""
        return next(iter(self.failures), None)

    def sections(self) -> dict[str, list[Row]]:
        """Return the rows by section, in order."""
        found: dict[str, list[Row]] = {}
        for row in self.rows:
            found.setdefault(row.section, []).append(row)
        return found

    def __str__(self) -> str:
        from cnnkit.parity.document import verdict

        return "\n".join(verdict(self))

    def write(self, path: str | Path) -> None:
        """Write the whole report to a file in .md or .html, as a backend's author publishes it.

        Raises ConfigError for another suffix, and for a file that is there and is no parity report.
        """
        from cnnkit.parity.writing import write

        write(self, Path(path))

    def to_json(self) -> dict[str, Any]:
        """Return the report as JSON-ready data."""
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


def worst(rows: Iterable[Row]) -> Row | None:
    """Return the row nearest to its bound, or furthest beyond it."""
    return max(rows, key=_nearness, default=None)


def _nearness(row: Row) -> float:
    if not row.passed:
        return math.inf
    return row.error / row.bound if row.bound else 0.0
