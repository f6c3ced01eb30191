"""`cnnkit parity`: a comparison of the outputs of this machine's backends."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from cnnkit.cli.completion import complete_backend, complete_recipe
from cnnkit.cli.options import Device, Dtype
from cnnkit.cli.output import Output
from cnnkit.cli.request import Request
from cnnkit.cli.tables import print_block, print_sentence
from cnnkit.errors import ConfigError

EXAMPLE = "cnnkit parity --backend numpy --backend torch --report parity.html"


@dataclass(frozen=True)
class ParityRequest(Request):
    """What to compare, where and how thoroughly."""

    backend: Annotated[
        list[str] | None,
        typer.Option(
            "--backend",
            metavar="NAME",
            autocompletion=complete_backend,
            help="Repeatable; by default all that run here.",
        ),
    ] = None
    device: Device = None
    threads: Annotated[int, typer.Option("--threads", min=1, help="CPU threads of each backend.")] = 1
    dtype: Dtype = None
    recipe: Annotated[
        list[str] | None,
        typer.Option(
            "--recipe",
            metavar="NAME",
            autocompletion=complete_recipe,
            help="Trainings to compare; repeatable; by default all.",
        ),
    ] = None
    pattern: Annotated[
        str | None,
        typer.Option("--filter", metavar="PATTERN", help="Checks by name (convolve*, 'layer *') or a section."),
    ] = None
    workers: Annotated[
        list[int] | None,
        typer.Option(
            "--workers",
            min=1,
            metavar="N",
            help="Compare trainings of N workers, threads here, with one process, and nothing else; repeatable.",
        ),
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
    from cnnkit.backends.groups import find_launcher
    from cnnkit.parity import writing
    from cnnkit.parity.document import described, parted_trainings, summaries, totals, verdict

    launcher = find_launcher()
    if launcher is not None:
        raise ConfigError(
            f"{launcher.name} started {launcher.size} processes: run cnnkit parity without it; --workers N compares "
            "the bits of N workers as threads of one process"
        )
    output = request.output
    if request.report is not None:
        writing.require_place(request.report)
    settings = parity.Settings(
        dtypes=(request.dtype,) if request.dtype else parity.Settings.dtypes, filter=request.pattern,
        recipes=tuple(request.recipe) if request.recipe else None, quick=request.quick, seed=request.seed,
        workers=tuple(request.workers) if request.workers else None,
    )  # fmt: skip
    with _show_bar(output) as progress:
        outcome = parity.run(request.backend or (), settings, request.device, request.threads, progress)
    for block in summaries(outcome) if output.verbose else (totals(outcome), *parted_trainings(outcome)):
        print_block(output, block)
    output.say()
    for row in outcome.failures:
        print_sentence(output, f"FAIL {described(row)}", "red")
    for line in verdict(outcome):
        print_sentence(output, line, "bold green" if outcome.passed else "bold red")
    if outcome.passed and not output.verbose:
        output.note("-v shows the largest error of every check")
    if request.report is not None:
        writing.write(outcome, request.report)
        output.note(f"wrote {request.report}")
    output.result(outcome.to_json())
    return 0 if outcome.passed else 1


@contextmanager
def _show_bar(output: Output) -> Iterator[Callable[[int, int, str], None] | None]:
    """Yield a function to call before each check; it moves a bar on a terminal and does nothing elsewhere."""
    if output.quiet or not output.errors.is_terminal:
        yield None
        return
    from rich.progress import BarColumn, Progress, TextColumn

    columns = (BarColumn(), TextColumn("{task.completed}/{task.total} {task.description}"))
    with Progress(*columns, console=output.errors, transient=True) as bar:
        task = bar.add_task("", visible=False)
        yield lambda done, total, name: bar.update(task, completed=done, total=total, description=name, visible=True)
