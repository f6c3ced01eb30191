"""What files hold and cnnkit did not read: said by every command that passes weights on or judges them."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from cnnkit.cli.output import Output
from cnnkit.files.names import printable

if TYPE_CHECKING:
    from cnnkit.exporters import WeightFile

AllowPartial = Annotated[
    bool, typer.Option("--allow-partial", help="Go on with what could be read, and exit with 0, where not all could.")
]


def list_not_read(*files: "WeightFile") -> list[str]:
    """Return a line for everything that the readers of these files left out."""
    from cnnkit.exporters.core.not_read import list_lines

    return [f"not read of {printable(str(file.file))}: {line}" for file in files for line in list_lines(file.not_read)]


def print_left_out(output: Output, lines: Iterable[str]) -> None:
    """Print lines on standard error, with -q too: they say what the result lacks."""
    for line in lines:
        output.errors.print(Text(printable(line)))
