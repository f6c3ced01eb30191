"""The errors of cnnkit, as a tree. A message says where, what was expected, what came, and what to type instead.

CnnkitError
|-- ShapeError               shapes that do not fit, located in the network
|-- ConfigError              a value of a layer, loss, optimizer, recipe or command that cannot be used
|-- BackendUnavailableError  a backend or device that this machine cannot run
|-- TrainingError            a training that cannot go on (loss not finite, interrupted file, ...)
|-- DataError                images or labels that cannot be used
|-- WeightFileError          a weight file that cannot be read
`-- ExportError              weights that cannot be written
"""

from collections.abc import Sequence


def first_line(error: BaseException) -> str:
    """Return the first line of an error's text, "" where it has none."""
    return next(iter(str(error).splitlines()), "")


class CnnkitError(Exception):
    """Base of every error that cnnkit raises on purpose; its text is one line for people."""


class ConfigError(CnnkitError):
    """A value of a layer, loss, optimizer, recipe or command that cannot be used."""


class BackendUnavailableError(CnnkitError):
    """A backend or device that this machine cannot run; the text names what would install it."""


class TrainingError(CnnkitError):
    """A training that cannot start or go on."""


class DataError(CnnkitError):
    """Images or labels that cannot be used."""


class WeightFileError(CnnkitError):
    """A weight file that cannot be read.

    kind: "unreadable" (damaged or unknown), "refused" (against the rules for files of strangers) or "too_big".
    """

    def __init__(
        self,
        message: str,
        *,
        kind: str = "unreadable",
        file: str | None = None,
        format: str | None = None,  # noqa: A002 (the word that users see)
        offset: int | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message)
        self.kind, self.file, self.format, self.offset, self.hint = kind, file, format, offset, hint


class ExportError(CnnkitError):
    """Weights that cannot be written in the form or to the place asked for."""


class ShapeError(CnnkitError):
    """Shapes that do not fit. A layer says what it expected and got; each combinator adds its part of the path."""

    def __init__(self, layer: str, problem: str, hint: str | None = None, path: Sequence[str] = ()) -> None:
        super().__init__(layer, problem, hint)
        self.layer, self.problem, self.hint, self.path = layer, problem, hint, tuple(path)

    def inside(self, name: str) -> "ShapeError":
        """Return the same error, seen from the combinator that holds the layer under `name`."""
        return type(self)(self.layer, self.problem, self.hint, (name, *self.path))

    def __str__(self) -> str:
        where = f"layer {'.'.join(self.path)} ({self.layer})" if self.path else self.layer
        return f"{where}: {self.problem}" + (f": {self.hint}" if self.hint else "")
