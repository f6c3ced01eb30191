"""The options that say how a data set is read, shared by the commands that open one."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from cnnkit.cli.request import Request
from cnnkit.errors import ConfigError

if TYPE_CHECKING:
    from cnnkit.data import Reading


@dataclass(frozen=True, kw_only=True)
class ReadingRequest(Request):
    """How the data set of a command is read, where its content leaves a choice."""

    resize: Annotated[
        str | None, typer.Option(metavar="SIZE", help="Bring all pictures to 64 x 64, or 64x48: width x height.")
    ] = None
    fit: Annotated[
        str | None,
        typer.Option(metavar="HOW", help="With --resize, of another ratio: crop, pad or stretch.  [default: crop]"),
    ] = None

    def read_options(self, sample: tuple[int, ...] | None = None) -> "Reading":
        """Return what the options say; `sample` is the shape of the network's input where that is fixed.

        Raises ConfigError or DataError on values that cannot be.
        """
        from cnnkit.data import Reading, Resizing

        if self.fit is not None and self.resize is None:
            raise ConfigError(f"--fit {self.fit}: says how pictures are resized: give --resize SIZE too")
        resizing = None if self.resize is None else Resizing.parse(self.resize, self.fit or "crop")
        return Reading(resizing, sample=sample)
