"""The progress of a training: a bar on a terminal, one line per epoch everywhere."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from cnnkit.cli.output import Output

if TYPE_CHECKING:
    from cnnkit.training import EpochReport, Training
    from cnnkit.training.position import Position


@contextmanager
def training_bar(output: Output, training: "Training") -> Iterator[Callable[["Position"], None]]:
    """Yield a function of the position within an epoch; it moves a bar on a terminal and does nothing elsewhere."""
    if output.quiet or not output.errors.is_terminal:
        yield _ignore
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[facts]}"), TimeRemainingColumn())
    with Progress(*columns, console=output.errors, transient=True) as bar:
        total = training.steps_per_epoch * training.options.epochs
        task = bar.add_task("", total=total, facts="")

        def show(position: "Position") -> None:
            facts = ""
            if position.images:
                speed = position.images / max(position.seconds, 1e-9)
                loss, accuracy = position.loss_sum / position.images, position.correct / position.images
                facts = f"loss {loss:.4f}  accuracy {accuracy:6.2%}  {speed:,.0f} images/s"
            description = f"epoch {position.epoch + 1}/{training.options.epochs}"
            bar.update(task, completed=position.step, description=description, facts=facts)

        yield show


def _ignore(position: "Position") -> None:
    """Show nothing."""


def format_epoch(report: "EpochReport", epochs: int) -> str:
    """Return the figures of an epoch in one line."""
    entry = report.entry
    line = f"epoch {entry['epoch']:{len(str(epochs))}}/{epochs}"
    line += f"  loss {entry['loss']:.4f}  accuracy {entry['accuracy']:7.2%}"
    if entry["validation_loss"] is not None:
        line += f"  validation loss {entry['validation_loss']:.4f}  accuracy {entry['validation_accuracy']:7.2%}"
        line += " *" if report.improved else "  "
    return f"{line}  {report.images_per_second:,.0f} images/s"
