"""`cnnkit parity`: a comparison of the outputs of this machine's backends."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from cnnkit.cli.options import Device, Dtype
from cnnkit.cli.output import Output
from cnnkit.cli.request import Request
from cnnkit.cli.tables import print_table

if TYPE_CHECKING:
    from cnnkit.parity.blocks import Block

EXAMPLE = "cnnkit parity --backend numpy --backend torch --report parity.html"


@dataclass(frozen=True)
class ParityRequest(Request):
    """What to compare, where and how thoroughly."""

    backend: Annotated[
        list[str] | None,
        typer.Option("--backend", metavar="NAME", help="Repeatable; by default all that run here."),
    ] = None
    device: Device = None
    threads: Annotated[int, typer.Option("--threads", min=1, help="CPU threads of each backend.")] = 1
    dtype: Dtype = None
    recipe: Annotated[
        list[str] | None,
        typer.Option("--recipe", metavar="NAME", help="Trainings to compare; repeatable; by default all."),
    ] = None
    pattern: Annotated[
        str | None,
        typer.Option("--filter", metavar="PATTERN", help="Checks by name (conv2d*, 'layer *') or a section."),
    ] = None
    quick: Annotated[bool, typer.Option("--quick", help="Fewer random cases, and one short training.")] = False
    seed: Annotated[int, typer.Option(min=0, help="Of random cases and trainings.")] = 0
    report: Annotated[
        Path | None, typer.Option("--report", metavar="FILE", help="Write all rows to FILE.md or FILE.html.")
    ] = None


def command(request: ParityRequest) -> int:
    """Compare backends with the float64 reference and each other: operations, layers, losses, optimizers, trainings.

    Exit status 1 when an error exceeds its bound; the first divergence is named and explained.
    """
    from cnnkit import parity
    from cnnkit.parity import writing
    from cnnkit.parity.document import described, summaries, verdict

    output = request.output
    if request.report is not None:
        writing.require_place(request.report)
    settings = parity.Settings(
        dtypes=(request.dtype,) if request.dtype else parity.Settings.dtypes, filter=request.pattern,
        recipes=tuple(request.recipe) if request.recipe else None, quick=request.quick, seed=request.seed,
    )  # fmt: skip
    with _show_bar(output) as progress:
        outcome = parity.run(request.backend or (), settings, request.device, request.threads, progress)
    for block in summaries(outcome):
        _print_block(output, block)
    output.say()
    for row in outcome.failures:
        output.say(Text(f"FAIL {described(row)}", style="red"))
    for line in verdict(outcome):
        output.say(Text(line, style="bold green" if outcome.passed else "bold red"))
    if request.report is not None:
        writing.write(outcome, request.report)
        output.note(f"wrote {request.report}")
    output.result(outcome.to_json())
    return 0 if outcome.passed else 1


def _print_block(output: Output, block: "Block") -> None:
    from cnnkit.parity.blocks import SectionHeading, Table

    if not isinstance(block, Table):
        output.say(Text(f"\n{block.text}", style="bold" if isinstance(block, SectionHeading) else ""))
        return
    styles = {"pass": "green", "FAIL": "bold red"}
    rows = [
        [Text(cell, style=styles.get(cell, "red" if cell.endswith(" !") else "")) for cell in row] for row in block.rows
    ]
    print_table(output, block.headings, rows, block.kinds)


@contextmanager
def _show_bar(output: Output) -> Iterator[Callable[[int, int, str], None] | None]:
    """Yield a function to call before each check; it moves a bar on a terminal and does nothing elsewhere."""
    if output.quiet or not output.errors.is_terminal:
        yield None
        return
    from rich.progress import BarColumn, Progress, TextColumn

    columns = (BarColumn(), TextColumn("{task.completed}/{task.total} {task.description}"))
    with Progress(*columns, console=output.errors, transient=True) as bar:
        task = bar.add_task("")
        yield lambda done, total, name: bar.update(task, completed=done, total=total, description=name)
