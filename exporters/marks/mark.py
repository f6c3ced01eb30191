"""One row of the tables: what a file is, what to type, and how it is recognised."""

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar

from cnnkit.files.names import printable

Seen = TypeVar("Seen")


class Mark(NamedTuple, Generic[Seen]):
    """A kind of file or folder.

    what    one line that names it
    advice  one line with what to type; FILE stands for its path, PATH(...) see `fill`
    fits    whether a sample is of this kind

    Either text may be a function of the sample, where it depends on the file.
    """

    what: str | Callable[[Seen], str]
    advice: str | Callable[[Seen], str]
    fits: Callable[[Seen], bool]

    def describe(self, seen: Seen, path: Path) -> tuple[str, str]:
        """Return (what, advice) about the file at `path`."""
        what = self.what if isinstance(self.what, str) else self.what(seen)
        advice = self.advice if isinstance(self.advice, str) else self.advice(seen)
        return what, advice.replace("FILE", quote(path))


def quote(path: str | Path) -> str:
    """Return a path as a shell takes it, on one line."""
    return shlex.quote(printable(str(path), 1000))
