"""`cnnkit verify`: whether the training that a weight file tells of leads to the bits that are in it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cnnkit.cli.data_source import load_data
from cnnkit.cli.options import DEFAULT_WEIGHTS, DataSource, Device, Threads, TrainingBackend, WeightsFile
from cnnkit.cli.output import Output
from cnnkit.cli.reading_options import ReadingRequest
from cnnkit.files.names import format_count

if TYPE_CHECKING:
    from cnnkit.training.position import Position
    from cnnkit.verification import Verdict

EXAMPLE = "cnnkit verify weights.h5 --backend torch"
_MOST = 10  # differences that people are shown


@dataclass(frozen=True)
class VerifyRequest(ReadingRequest):
    """A file, and how and how far its training is replayed."""

    file: WeightsFile = DEFAULT_WEIGHTS
    data: DataSource = None
    start: Annotated[
        Path | None, typer.Option("--from", metavar="STATE.h5", help="Begin at a state of the same training.")
    ] = None
    spot: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Replay N segments between kept states, drawn at random.")
    ] = None
    init_from: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The file that the training started from, where it had one.")
    ] = None
    backend: TrainingBackend = None
    device: Device = None
    threads: Threads = None


def command(request: VerifyRequest) -> int:
    """Replay the training of a weight file; exit with 0 when all bits are the same, 1 when not, 2 when it cannot be."""
    from cnnkit import exporters
    from cnnkit.model import Model
    from cnnkit.verification import verify
    from cnnkit.verification.claim import read_claim

    output = request.output
    claim = read_claim(exporters.read(request.file))
    model = Model.from_weights(claim.file)
    dataset = load_data(output, request.data, claim.file, request.read_options(model.input_shape, model.loss))
    with _replay_bar(output, claim.steps) as show:
        verdict = verify(
            claim.file, dataset, backend=request.backend, device=request.device, threads=request.threads,
            init_from=request.init_from, start=request.start, spot=request.spot, progress=show, tell=output.note,
        )  # fmt: skip
    _say(output, request.file, verdict)
    output.result({"file": str(request.file)} | verdict.to_json())
    return int(not verdict.same)


@contextmanager
def _replay_bar(output: Output, steps: int) -> Iterator[Callable[["Position"], None] | None]:
    """Yield a function of the position that moves a bar on a terminal, None elsewhere."""
    if output.quiet or not output.errors.is_terminal:
        yield None
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns: list[Any] = [TextColumn("replaying"), BarColumn(), TextColumn("{task.percentage:.0f} %")]
    with Progress(*columns, TimeRemainingColumn(), console=output.errors, transient=True) as bar:
        task = bar.add_task("", total=steps)
        yield lambda position: bar.update(task, completed=position.step)


def _say(output: Output, path: Path, verdict: "Verdict") -> None:
    if verdict.same:
        output.say(f"{path}: the same bits: {_describe_compared(verdict)}", style="green")
    for number, difference in enumerate(verdict.differences[:_MOST]):
        output.say(f"{path}: differs: {difference.text}" if not number else f"  {difference.text}", style="red")
    more = len(verdict.differences) - _MOST
    if more > 0:
        output.say(f"  and {format_count(more, 'more difference')}: --json lists all")
    for note in verdict.notes:
        output.say(note)
    spot = verdict.spot
    if spot is not None and not spot.first_only and verdict.same:
        half = max(spot.segments // 2, 1)
        output.say(
            f"a lie in one of the {spot.segments} segments is seen with a probability of {spot.probability(1):.1%}, in "
            f"{half} of them with {spot.probability(half):.1%}, in all of them, such as other data, with 100%"
        )


def _describe_compared(verdict: "Verdict") -> str:
    links = format_count(verdict.links, "link")
    spot = verdict.spot
    if spot is not None and spot.first_only:
        return f"the first {verdict.replayed:,} of {verdict.steps:,} updates, {links}"
    if spot is not None:
        where = ", ".join(map(str, spot.sampled))
        return f"{len(spot.sampled)} of {spot.segments} segments ({where}), {verdict.replayed:,} updates, {links}"
    begin = f" from step {verdict.first:,} on" if verdict.first else ""
    compared = f"{format_count(verdict.tensors, 'tensor')}, {format_count(verdict.rows, 'epoch')} of history, {links}"
    return f"{compared}, after {verdict.replayed:,} updates{begin}"
