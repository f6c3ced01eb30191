"""The options that say how a data set is read, shared by the commands that open one."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from cnnkit.cli.request import Request
from cnnkit.errors import ConfigError

if TYPE_CHECKING:
    from cnnkit.data import Reading
    from cnnkit.losses import Loss


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

    target: Annotated[
        list[str] | None,
        typer.Option(metavar="COLUMN", help="Of a CSV, what is to be predicted: price, or a,b; repeatable."),
    ] = None
    layout: Annotated[
        str | None, typer.Option(metavar="AXES", help="Of a sample in arrays: CHW, HWC, HW, CL, LC, F, CDHW, ...")
    ] = None
    ignore: Annotated[
        int | None, typer.Option(metavar="N", help="The class number in labels and masks that counts nowhere.")
    ] = None

    def read_options(self, sample: tuple[int, ...] | None = None, loss: "Loss | None" = None) -> "Reading":
        """Return what the options say, and what the network does.

        sample: the shape of the network's input where that is fixed; loss: decides whether whole numbers are classes

        Raises ConfigError or DataError on values that cannot be.
        """
        from cnnkit.data import Reading, Resizing

        if self.fit is not None and self.resize is None:
            raise ConfigError(f"--fit {self.fit}: says how pictures are resized: give --resize SIZE too")
        resizing = None if self.resize is None else Resizing.parse(self.resize, self.fit or "crop")
        target = tuple(name.strip() for names in self.target or () for name in names.split(","))
        numbers = None if loss is None else loss.compares_numbers
        return Reading(resizing, target, layout=self.layout, ignore=self.ignore, numbers=numbers, sample=sample)
