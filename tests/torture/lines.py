"""Command lines for hostile cases: every one of every door, and a sample that has them all."""

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from hostile.case import Case
from hostile.doors import DOORS, WRITE, WRITE_INTO, Door

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
    def is_first(self) -> bool:
        """Whether it is the command line for which the case's statuses are said."""
        return self.words == _FIRST[self.case.door]

    @property
    def statuses(self) -> tuple[int, ...]:
        """The statuses that are right: those of the case for the first command of its door, else none but crashes."""
        return self.case.statuses if self.is_first else (0, 1, 2)


def list_lines(cases: Iterable[Case]) -> list[Line]:
    """Return every case with every command line that takes it."""
    doors = [door for door in (*DOORS, *FORMS) if door.kind not in (WRITE, WRITE_INTO)]
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
