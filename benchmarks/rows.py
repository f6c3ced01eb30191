"""The results of every benchmark: rows with a ratio against a peer, or a size, and the aim."""

import datetime
import json
import os
import platform
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

HEAD = "| | what | peer | threads | figure | by CPU time | aim | beside |"


@dataclass(frozen=True)
class Row:
    """One figure.

    values      one per round: ratios, or quantities in `unit`
    unit        "times as fast", "times as long", "MB", "s", ...
    aim         the value that the median should reach; None for no aim
    more        True if more is better
    cpu         the same ratios by CPU time, where measured
    beside      {name: another figure of the same rounds}
    day         when it was measured
    """

    id: str
    what: str
    peer: str
    values: list[float]
    unit: str = "times as fast"
    aim: float | None = None
    more: bool = True
    threads: int | None = None
    cpu: list[float] = field(default_factory=list)
    beside: dict[str, str] = field(default_factory=dict)
    day: str = field(default_factory=lambda: str(datetime.datetime.now(datetime.UTC).date()))

    @property
    def key(self) -> tuple[Any, ...]:
        """The identity of the measurement: a row replaces another one with the same key."""
        return self.id, self.what, self.peer, self.threads

    @property
    def missed(self) -> bool:
        """Whether the median misses the aim."""
        middle = statistics.median(self.values)
        return self.aim is not None and (middle < self.aim if self.more else middle > self.aim)

    def line(self) -> str:
        """Return the row of the Markdown table."""
        aim = (
            "" if self.aim is None else f"{'>=' if self.more else '<='} {self.aim:g}{', missed' if self.missed else ''}"
        )
        beside = "; ".join(f"{name} {value}" for name, value in self.beside.items())
        cells = [
            self.id, self.what, self.peer, "" if self.threads is None else str(self.threads),
            f"{format_values(self.values)} {self.unit}", format_values(self.cpu) if self.cpu else "", aim, beside,
        ]  # fmt: skip
        return f"| {' | '.join(cells)} |"


def format_values(values: Sequence[float]) -> str:
    """Return "median (smallest to largest)"."""
    digits = 2 if statistics.median(values) < 100 else 0
    middle = f"{statistics.median(values):.{digits}f}"
    return middle if len(values) == 1 else f"{middle} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def table(rows: Sequence[Row]) -> str:
    """Return the Markdown table."""
    return "\n".join([HEAD, "| --- " * (HEAD.count("|") - 1) + "|", *(row.line() for row in rows)])


def cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def machine() -> dict[str, Any]:
    """Return the machine and the versions that the figures were measured with."""
    import numpy

    try:
        import torch

        torch_version = torch.__version__
    except ImportError:
        torch_version = "absent"
    names = [line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")]
    core = [str(library["architecture"]) for library in _blas() if "architecture" in library]
    return {
        "processor": names[0] if names else platform.processor(), "cores": cores(), "system": platform.platform(),
        "python": platform.python_version(), "numpy": numpy.__version__, "torch": torch_version,
        "blas": ", ".join(dict.fromkeys(core)),
    }  # fmt: skip


def _blas() -> list[dict[str, Any]]:
    import threadpoolctl

    return [library for library in threadpoolctl.threadpool_info() if library["user_api"] == "blas"]


def _lines(path: str) -> list[str]:
    return Path(path).read_text("utf-8").splitlines() if Path(path).exists() else []


def store(path: Path, rows: Sequence[Row], on: dict[str, Any]) -> None:
    """Write rows and machine as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    entries = [asdict(row) | {"missed": row.missed} for row in rows]
    path.write_text(json.dumps({"machine": on, "rows": entries}, indent=1) + "\n", "utf-8")


def load(path: Path, here: dict[str, Any]) -> list[Row]:
    """Return the rows of an earlier run, none if there was none. Raises SystemExit for a run on another machine."""
    if not path.exists():
        return []
    stored = json.loads(path.read_text("utf-8"))
    if stored["machine"] != here:
        raise SystemExit(f"{path} was measured on another machine: its rows are not comparable, run all benchmarks")
    return [Row(**{key: value for key, value in row.items() if key != "missed"}) for row in stored["rows"]]
