"""Gives hostile cases to command lines, one attempt at a time, and says what is wrong with each."""

import random
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

import cnnkit
from cnnkit import exporters
from hostile.case import Case
from hostile.doors import DOORS, WRITE, Door
from hostile.making import CANARY, SECRET
from torture.forked import Attempt, Zygote

MOST_SECONDS, MOST_BYTES = 5.0, 256 << 20
_AGAIN = 2  # attempts more for what took too long: the machine may be busy

# Further ways to ask for the same: forms of output, and formats to write.
FORMS = (
    Door("inspect", "FILE", "weights", "inspect {path} --no-stats"),
    Door("inspect", "FILE", "weights", "inspect {path} --json"),
    Door("inspect", "FILE", "weights", "inspect {path} --external --values --optimizer"),
    Door("inspect", "FILE", "weights", "inspect {path} --strict --html {out}.html"),
    Door("export", "FILE", "weights", "export {path} --allow-partial -o {out}.h5"),
    Door("export", "FILE", "weights", "export {path} --allow-partial --overwrite -o {out}.txt"),
    Door("export", "FILE", "weights", "export {path} --allow-partial -o {out}.npz"),
    Door("export", "FILE", "weights", "export {path} --allow-partial -o {out}.safetensors"),
    Door("export", "FILE", "weights", "export {path} --allow-partial -o {out}.svg"),
    Door("diff", "A", "weights", "diff {path} {path}"),
    Door("diff", "A", "weights", "diff {path} {weights} --json"),
    Door("show", "FILE", "weights", "show {path} * -o {out}.svg"),
    Door("evaluate", "FILE", "weights", "evaluate {path} --recipe bright-dark --data bright-dark"),
    Door("predict", "FILE", "weights", "predict {path} --recipe bright-dark --data bright-dark --json"),
    Door("data show", "SOURCE", "data", "data show {path} --split test"),
    Door("summary", "--model", "model", "summary --model {path} --json"),
)  # fmt: skip
_FIRST = {
    "weights": "inspect {path}", "data": "data show {path} --split train", "image": "predict {weights} --image {path}",
    "model": "summary --model {path}", "map": "diff {weights} {weights} --map {path}",
}  # fmt: skip


@dataclass(frozen=True)
class Line:
    """A command line for a case."""

    case: Case
    door: Door

    @property
    def words(self) -> str:
        return self.door.arguments

    @property
    def statuses(self) -> tuple[int, ...]:
        """The statuses that are right: those of the case for the first command of its door, else none but crashes."""
        return self.case.statuses if self.words == _FIRST[self.case.door] else (0, 1, 2)


def list_lines(cases: Iterable[Case]) -> list[Line]:
    """Return every case with every command line that takes it."""
    doors = [door for door in (*DOORS, *FORMS) if door.kind != WRITE]
    return [
        Line(case, door)
        for case in cases
        for door in doors
        if door.kind == case.door and (not door.suffixes or case.name.endswith(door.suffixes))
    ]


def choose_lines(lines: Sequence[Line], count: int, seed: int) -> list[Line]:
    """Return `count` lines in which every command line, and after these every module's cases, come evenly."""
    rng = random.Random(seed)
    by_words: dict[str, list[Line]] = {}
    for line in rng.sample(lines, len(lines)):
        by_words.setdefault(line.words, []).append(line)
    chosen = [line for row in _turn(list(by_words.values())) for line in row]
    return chosen[:count]


def _turn(columns: list[list[Line]]) -> Iterator[list[Line]]:
    for number in range(max(map(len, columns), default=0)):
        yield [column[number] for column in columns if number < len(column)]


@dataclass
class Bench:
    """A zygote with good files beside, on which lines are tried; and the worst that was seen.

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

    def __enter__(self) -> "Bench":
        for name in ("good", "work", "cases", "zygote"):
            (self.folder / name).mkdir(parents=True)
        self.weights = write_good_files(self.folder / "good")
        good = self.folder / "good"
        learn = [line.split() for line in _LEARN]
        self.zygote = Zygote(self.folder / "zygote", [_fill(words, good) for words in learn]).__enter__()
        self._written: tuple[Case, Path, set[str]] | None = None
        return self

    def __exit__(self, *error: object) -> None:
        self.zygote.__exit__(None, None, None)

    def try_all(self, lines: Iterable[Line]) -> None:
        """Try lines; those of one case follow each other best, so that it is written once."""
        for line in lines:
            self.try_one(line)

    def try_one(self, line: Line) -> None:
        """Try one line, and note what is wrong."""
        path, before = self._write(line.case)
        work = self.folder / "work"
        arguments = line.door.fill(path, self.weights, work / "out")
        named = (path, self.weights) if self.watched else ()
        attempt = self.zygote.run(arguments, work, named=named, writable=(work,))
        for _ in range(_AGAIN):
            if attempt.seconds > MOST_SECONDS:
                _clear(work)
                attempt = min(
                    attempt, self.zygote.run(arguments, work, named=named, writable=(work,)), key=lambda a: a.seconds
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
        problems += _find_leaks(outcome.output + outcome.errors, self.folder / "work", path)
        problems += self._find_leftovers(outcome.status, path.parent, before)
        problems += attempt.events
        self.faults += [f"{what}: {problem}" for problem in problems]

    def _find_leftovers(self, status: int | None, place: Path, before: set[str]) -> list[str]:
        beside = {name for name in _list(place) if name not in before}
        outputs = _list(self.folder / "work")
        wrong = {name for name in outputs if status == 2 or name.endswith(".tmp")} if status is not None else set()
        temporary = _list(self.zygote.temporary)
        return [f"left over: {', '.join(sorted(names))[:200]}" for names in (beside, wrong, temporary) if names]


def write_good_files(folder: Path) -> Path:
    """Write an honest weight file and what the zygote learns from; return the weight file."""
    network, loss = cnnkit.recipes.get("bright-dark").network()
    model = cnnkit.Model(network, loss)
    model.save(folder / "good.h5")
    weights = exporters.read(folder / "good.h5")
    for name in ("good.npz", "good.safetensors", "good.json", "good.txt", "good.pt", "good.svg", "good.onnx"):
        exporters.write(weights, folder / name)
    np.savez(folder / "data.npz", x_train=np.zeros((2, 8, 8), np.uint8), y_train=np.arange(2, dtype=np.uint8))
    return folder / "good.h5"


_LEARN = (
    *(f"inspect {{good}}/good.{suffix}" for suffix in ("npz", "safetensors", "json", "txt", "pt", "svg", "onnx")),
    "inspect {good}/good.h5 --strict --html {good}/page.html",
    "inspect {good}/good.npz --values --json",
    "export {good}/good.npz -o {good}/export.h5",
    "diff {good}/good.npz {good}/good.h5",
    "show {good}/good.npz 0",
    "summary --recipe bright-dark",
    "evaluate {good}/good.npz --data bright-dark",
    "predict {good}/good.npz --data bright-dark",
    "data show {good}/data.npz --split train",
    "train --recipe bright-dark --epochs 1 -o {good}/train.h5",
)  # fmt: skip


def _fill(words: list[str], good: Path) -> list[str]:
    return [word.format(good=good) for word in words]


def _list(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def _clear(folder: Path) -> None:
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def _find_leaks(text: bytes, work: Path, path: Path) -> list[str]:
    """Return whether a secret file's content is in the output or in a file written, or code of the case ran."""
    secret = SECRET.encode()
    told = [text, *(file.read_bytes() for file in work.rglob("*") if file.is_file())]
    problems = ["a secret leaked"] if any(secret in content for content in told) else []
    return problems + ["code ran"] * any(place.joinpath(CANARY).exists() for place in (work, path.parent))
