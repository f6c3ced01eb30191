"""The errors of cnnkit, as a tree. A message states the place, what was expected, what was given, and what to do.

CnnkitError
|-- PlacedError              an error of a layer, with its place in the network
|   |-- ShapeError           shapes that do not match
|   `-- ContractError        a part written outside cnnkit that does not do what its base class asks
|-- ConfigError              a value of a layer, loss, optimizer, recipe or command that cannot be used
|-- BackendUnavailableError  a backend or device that this machine cannot run
|-- GroupError               a worker of a group that is lost, silent, or not like the others
|-- TrainingError            a training that cannot go on (loss not finite, interrupted file, ...)
|-- DataError                images or labels that cannot be used
|-- WeightFileError          a weight file that cannot be read
`-- ExportError              weights that cannot be written
"""

from collections.abc import Sequence
from typing import Self


def first_line(error: BaseException) -> str:
    """Return the first line of the text of an error, "" if it has no text."""
    return next(iter(str(error).splitlines()), "")


class CnnkitError(Exception):
    """Base of every error that cnnkit raises on purpose; its text is one readable line."""


class ConfigError(CnnkitError):
    """A value of a layer, loss, optimizer, recipe or command that cannot be used."""


class BackendUnavailableError(CnnkitError):
    """A backend or device that this machine cannot run; the text names the package to install."""


class GroupError(CnnkitError):
    """A group of workers that cannot go on: one is lost, silent for too long, or not like the others."""


class TrainingError(CnnkitError):
    """A training that cannot start or go on.

    problem: what is wrong. kept: what remains of the training. hint: what to do.
    """

    def __init__(self, problem: str, kept: str | None = None, hint: str | None = None) -> None:
        super().__init__(problem, kept, hint)
        self.problem, self.kept, self.hint = problem, kept, hint

    def __str__(self) -> str:
        return ": ".join(filter(None, (self.problem, self.kept, self.hint)))


class DataError(CnnkitError):
    """Images or labels that cannot be used."""


class WeightFileError(CnnkitError):
    """A weight file that cannot be read.

    kind: "unreadable" (damaged or unknown), "refused" (violates the rules for untrusted files) or "too_big".
    """

    def __init__(
        self,
        message: str,
        *,
        kind: str = "unreadable",
        file: str | None = None,
        format: str | None = None,  # noqa: A002 (the public name)
        offset: int | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message)
        self.kind, self.file, self.format, self.offset, self.hint = kind, file, format, offset, hint


class ExportError(CnnkitError):
    """Weights that cannot be written in the requested format or to the requested path."""


class PlacedError(CnnkitError):
    """An error of a layer. The layer states the problem; each combinator adds its part of the path."""

    def __init__(self, layer: str, problem: str, hint: str | None = None, path: Sequence[str] = ()) -> None:
        super().__init__(layer, problem, hint)
        self.layer, self.problem, self.hint, self.path = layer, problem, hint, tuple(path)

    def inside(self, name: str) -> Self:
        """Return the same error with `name`, the key of the layer in its combinator, put before the path."""
        return type(self)(self.layer, self.problem, self.hint, (name, *self.path))

    def __str__(self) -> str:
        where = f"layer {'.'.join(self.path)} ({self.layer})" if self.path else self.layer
        return f"{where}: {self.problem}" + (f": {self.hint}" if self.hint else "")


class ShapeError(PlacedError):
    """Shapes that do not match."""


class ContractError(PlacedError):
    """A layer, loss, optimizer, schedule or backend from outside cnnkit that does not do what its base class asks."""
