"""Gives hostile cases to command lines, one attempt at a time, and says what is wrong with each."""

import shutil
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from hostile.case import Case
from hostile.making import CANARY, SECRET

from torture.good_files import list_lessons, write_good_files
from torture.lines import Line
from torture.watched import Attempt, Zygote

MOST_SECONDS, MOST_BYTES = 5.0, 256 << 20
_AGAIN = 2  # attempts more for what took too long: the machine may be busy


@dataclass
class Bench:
    """A zygote with good files beside, on which lines are tried; and the worst that was seen.

    folder: one to be made.
    watched: compare what is opened and run with what is allowed.
    """

    folder: Path
    watched: bool = False
    faults: list[str] = field(default_factory=list)
    slowest: tuple[float, str] = (0.0, "")
    largest: tuple[int, str] = (0, "")
    attempts: int = 0
    workers: int = 0
    statuses: dict[int | None, int] = field(default_factory=dict)

    def __enter__(self) -> Self:
        for name in ("good", "work", "cases", "zygote"):
            (self.folder / name).mkdir(parents=True)
        self.weights = write_good_files(self.folder / "good")
        self.zygote = Zygote(self.folder / "zygote", list_lessons(self.folder / "good")).__enter__()
        if self.watched:
            self.faults += prove_hook(self.zygote, self.folder / "good")
        self._written: tuple[Case, Path, set[str]] | None = None
        return self

    def __exit__(self, *error: object) -> None:
        self.zygote.__exit__(None, None, None)

    def try_all(self, lines: Iterable[Line], end: float) -> None:
        """Try lines until a time of the monotonic clock; those of one case together, so that it is written once."""
        for line in sorted(lines, key=lambda line: line.case.name):
            if time.monotonic() > end:
                return
            self.try_one(line)

    def try_one(self, line: Line) -> None:
        """Try one line, and note what is wrong."""
        path, before = self._write(line.case)
        work = self.folder / "work"
        arguments = line.door.fill(path, self.weights, work / "out")
        writable = (work, path.parent) if line.door.option == "--out" else (work,)
        place = path.parent  # where a module beside the file would be found, if anything looked there
        named = (path, self.weights) if self.watched else ()
        attempt = self.zygote.run(arguments, place, named=named, writable=writable)
        for _ in range(_AGAIN):
            if attempt.seconds > MOST_SECONDS:
                _clear(work)
                attempt = min(
                    attempt, self.zygote.run(arguments, place, named=named, writable=writable), key=lambda a: a.seconds
                )
        self._judge(line, attempt, path, before)
        _clear(work)
        _clear(self.zygote.temporary)

    def _write(self, case: Case) -> tuple[Path, set[str]]:
        if self._written is None or self._written[0] is not case:
            _clear(self.folder / "cases")
            place = self.folder / "cases" / "here"
            place.mkdir()
            case.write(place / case.name)
            self._written = case, place / case.name, _list(place)
        return self._written[1], self._written[2]

    def _judge(self, line: Line, attempt: Attempt, path: Path, before: set[str]) -> None:
        outcome = attempt.outcome
        what = f"{line.case.name}: {line.words}"
        self.attempts += 1
        self.workers += attempt.workers
        self.statuses[outcome.status] = self.statuses.get(outcome.status, 0) + 1
        self.slowest = max(self.slowest, (round(attempt.seconds, 2), what))
        self.largest = max(self.largest, (outcome.peak, what))
        problems = [] if attempt.stopped != "memory" else ["stopped for its memory"]
        problems += filter(None, [outcome.find_fault(line.statuses)] if not problems else [])
        if attempt.seconds > MOST_SECONDS and not attempt.stopped:
            problems.append(f"{attempt.seconds:.1f} s")
        if outcome.peak > MOST_BYTES:
            problems.append(f"{outcome.peak >> 20} MiB")
        problems += find_leaks(outcome.output + outcome.errors, self.folder / "work", path)
        problems += self._find_leftovers(outcome.status, path.parent, before)
        problems += attempt.events
        self.faults += [f"{what}: {problem}" for problem in problems]

    def _find_leftovers(self, status: int | None, place: Path, before: set[str]) -> list[str]:
        beside = {name for name in _list(place) if name not in before}
        outputs = _list(self.folder / "work")
        wrong = {name for name in outputs if status == 2 or name.endswith(".tmp")} if status is not None else set()
        temporary = _list(self.zygote.temporary)
        return [f"left over: {', '.join(sorted(names))[:200]}" for names in (beside, wrong, temporary) if names]


def _list(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def _clear(folder: Path) -> None:
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def find_leaks(text: bytes, work: Path, path: Path) -> list[str]:
    """Return whether a secret file's content is in the output or in a file written, or code of the case ran."""
    secret = SECRET.encode()
    told = [text, *(file.read_bytes() for file in work.rglob("*") if file.is_file())]
    problems = ["a secret leaked"] if any(secret in content for content in told) else []
    return problems + ["code ran"] * any(place.joinpath(CANARY).exists() for place in (work, path.parent))


def prove_hook(zygote: Zygote, good: Path) -> list[str]:
    """Return a fault when the hooks do not see a file that is opened though it is not among those that may be."""
    problems = []
    for name in ("good.npz", "foreign.h5"):
        attempt = zygote.run(["inspect", name], good, named=[Path("/nonexistent/file")])
        if not any(name in event for event in attempt.events):
            problems.append(f"the hook does not see that {name} is opened")
        if name == "foreign.h5" and not attempt.workers:
            problems.append("the worker has no hook")
    return problems


@dataclass(frozen=True)
class Tally:
    """What several benches found together."""

    benches: tuple[Bench, ...]

    @property
    def attempts(self) -> int:
        return sum(bench.attempts for bench in self.benches)

    @property
    def faults(self) -> list[str]:
        return [fault for bench in self.benches for fault in bench.faults]

    @property
    def workers(self) -> int:
        return sum(bench.workers for bench in self.benches)

    def describe_worst(self) -> dict[str, str]:
        slowest = max(bench.slowest for bench in self.benches)
        largest = max(bench.largest for bench in self.benches)
        statuses: dict[str, int] = {}
        for bench in self.benches:
            for status, count in bench.statuses.items():
                statuses[str(status)] = statuses.get(str(status), 0) + count
        return {
            "slowest, s": f"{slowest[0]} ({slowest[1]})",
            "largest peak, MiB": f"{largest[0] / 2**20:.0f} ({largest[1]})",
            "statuses": ", ".join(f"{status}: {count}" for status, count in sorted(statuses.items())),
        }


def try_lines(lines: Iterable[Line], folder: Path, end: float, watched: bool = False, benches: int = 1) -> Tally:
    """Try lines on `benches` benches at a time, until a time of the monotonic clock."""
    shares: list[list[Line]] = [[] for _ in range(benches)]
    names: dict[str, int] = {}
    for line in lines:
        shares[names.setdefault(line.case.name, len(names)) % benches].append(line)

    def work(number: int) -> Bench:
        with Bench(folder / str(number), watched) as bench:
            bench.try_all(shares[number], end)
        return bench

    with ThreadPoolExecutor(benches) as pool:
        return Tally(tuple(pool.map(work, range(benches))))
