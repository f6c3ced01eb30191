"""What one trial of the torture is, and what it found."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Budget:
    """How long a trial may go on: until `count` attempts are done, or `seconds` have passed; folder: an empty one."""

    seconds: float
    count: int
    folder: Path
    seed: int = 0


@dataclass
class Found:
    """What a trial found. attempts: how many things were tried; faults: one line for each that went wrong.

    figures: {what was measured: value}, such as {"largest peak, MiB": 91.3}.
    """

    attempts: int = 0
    faults: list[str] = field(default_factory=list)
    figures: dict[str, float | int | str] = field(default_factory=dict)


@dataclass(frozen=True)
class Trial:
    """A row of the scoreboard.

    name: a word for --only. title: what is tried. aim: the figure to reach, in words.
    run: the function that tries. short, usual, long: attempts in CI, in `make torture`, in `make torture FORM=long`.
    needs: what the machine must have ("gcc", "linux", "torch", ...), told where it is missing.
    """

    name: str
    title: str
    aim: str
    run: Callable[[Budget], Found]
    short: int
    usual: int
    long: int
    needs: tuple[str, ...] = ()
