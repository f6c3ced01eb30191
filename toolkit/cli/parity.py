"""`cnnkit parity`: whether the backends of this machine give the same output."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from cnnkit.cli.options import Device, Dtype, Json, Quiet, Verbose
from cnnkit.cli.output import Output
from cnnkit.cli.tables import print_table

if TYPE_CHECKING:
    from cnnkit.parity.blocks import Block

EXAMPLE = "cnnkit parity --backend numpy --backend torch --report parity.html"


def command(
    backend: Annotated[
        list[str] | None,
        typer.Option("--backend", metavar="NAME", help="May be repeated; all that run here when left out."),
    ] = None,
    device: Device = None,
    threads: Annotated[int, typer.Option("--threads", min=1, help="CPU threads of each backend.")] = 1,
    dtype: Dtype = None,
    recipe: Annotated[
        list[str] | None,
        typer.Option("--recipe", metavar="NAME", help="Trainings to compare; may be repeated; all when left out."),
    ] = None,
    pattern: Annotated[
        str | None,
        typer.Option("--filter", metavar="PATTERN", help="Checks by name (conv2d*, 'layer *') or a section."),
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Fewer random cases, and one short training.")] = False,
    seed: Annotated[int, typer.Option(min=0, help="Of random cases and trainings.")] = 0,
    report: Annotated[
        Path | None, typer.Option("--report", metavar="FILE", help="Write all rows to FILE.md or FILE.html.")
    ] = None,
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,  # noqa: ARG001 (its callback answers)
) -> int:
    """Compare backends with the float64 reference and each other: operations, layers, losses, optimizers, trainings.

    Exit status 1 when something is beyond its bound; the first divergence is named, with what explains it.
    """
    from cnnkit import parity
    from cnnkit.parity import writing
    from cnnkit.parity.document import described, summaries, verdict

    output = Output(json, quiet)
    if report is not None:
        writing.require_place(report)
    settings = parity.Settings(
        dtypes=(dtype,) if dtype else parity.Settings.dtypes,
        filter=pattern, recipes=tuple(recipe) if recipe else None, quick=quick, seed=seed,
    )  # fmt: skip
    with _bar(output) as progress:
        found = parity.run(backend or (), settings, device, threads, progress)
    for block in summaries(found):
        _say(output, block)
    output.say()
    for row in found.failures:
        output.say(Text(f"FAIL {described(row)}", style="red"))
    for line in verdict(found):
        output.say(Text(line, style="bold green" if found.passed else "bold red"))
    if report is not None:
        writing.write(found, report)
        output.note(f"wrote {report}")
    output.result(found.to_json())
    return 0 if found.passed else 1


def _say(output: Output, block: "Block") -> None:
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
def _bar(output: Output) -> Iterator[Callable[[int, int, str], None] | None]:
    """Yield what to call before each check; it moves a bar on a terminal and does nothing elsewhere."""
    if output.quiet or not output.errors.is_terminal:
        yield None
        return
    from rich.progress import BarColumn, Progress, TextColumn

    columns = (BarColumn(), TextColumn("{task.completed}/{task.total} {task.description}"))
    with Progress(*columns, console=output.errors, transient=True) as bar:
        task = bar.add_task("")
        yield lambda done, total, name: bar.update(task, completed=done, total=total, description=name)
