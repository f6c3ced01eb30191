"""What an exercise is: functions to write, what they must give, and what known mistakes give instead."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Arguments = dict[str, Any]
Results = tuple[Any, ...]
Solve = Callable[..., Any]  # (**arguments) -> its results
Derive = Callable[[Arguments, str, tuple[int, ...]], str]  # (arguments, result, place) -> how that value comes about


@dataclass(frozen=True)
class Problem:
    """A function to write.

    name      of the function
    takes     the names of its arguments, in order
    gives     the names of its results, in order
    text      what it computes: the docstring of the template, without its first quotes
    draw      a generator of random numbers -> cases, each with all arguments; they tell all mistakes apart
    right     the right results of a case
    mistakes  {words: the results of somebody who makes it}; one that a case does not know raises any error
    derive    how one right value comes about, in numbers
    race      arguments that are large enough for a clock
    ours      the same by a backend, or in whole arrays by NumPy, for the clock
    """

    name: str
    takes: tuple[str, ...]
    gives: tuple[str, ...]
    text: str
    draw: Callable[[np.random.Generator], Sequence[Arguments]]
    right: Solve
    mistakes: Mapping[str, Solve]
    derive: Derive
    race: Callable[[np.random.Generator], Arguments] | None = None
    ours: Callable[[Any, Arguments], Any] | None = None

    @property
    def signature(self) -> str:
        """The call, as it is written."""
        return f"{self.name}({', '.join(self.takes)})"

    def solve(self, arguments: Arguments, solve: Solve | None = None) -> Results:
        """Return the right results, or those of a mistake, as a tuple of arrays."""
        found = (solve or self.right)(**arguments)
        return tuple(np.asarray(value) for value in (found if isinstance(found, tuple) else (found,)))


@dataclass(frozen=True)
class Exercise:
    """Functions that belong together, in the order in which they are written.

    secret: whether to find the mistake is the exercise, so that `check` tells it only when asked.
    source: the file to begin with, for those that are not to be written from nothing; by a number that chooses.
    """

    name: str
    title: str
    problems: tuple[Problem, ...]
    secret: bool = False
    source: Callable[[int], str] | None = field(default=None, compare=False)


def having(solve: Solve, **changes: Callable[..., Any]) -> Solve:
    """Return the mistake of computing with other arguments: {argument: (**arguments) -> the wrong one}."""

    def wrong(**arguments: Any) -> Any:
        return solve(**(arguments | {name: change(**arguments) for name, change in changes.items()}))

    return wrong


def replacing(solve: Solve, **changes: Callable[..., Any]) -> Callable[[Sequence[str]], Solve]:
    """Return, for the names of the results, the mistake of giving others: {result: (right, **arguments) -> wrong}."""

    def name(gives: Sequence[str]) -> Solve:
        def wrong(**arguments: Any) -> Any:
            right = solve(**arguments)
            values = right if isinstance(right, tuple) else (right,)
            return tuple(
                changes[result](value, **arguments) if result in changes else value
                for result, value in zip(gives, values, strict=True)
            )

        return wrong

    return name
