"""The progress of a training: a bar on a terminal, one line per epoch everywhere."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from cnnkit.cli.output import Output
from cnnkit.cli.tables import find_width
from cnnkit.documents import Table
from cnnkit.documents.layout import fits, lay_out

if TYPE_CHECKING:
    from cnnkit.training import EpochReport, Training
    from cnnkit.training.position import Position
    from cnnkit.training.training import UpdateReport

_WIDE = 78  # columns of a terminal that hold a bar, all figures and the time


@contextmanager
def training_bar(output: Output, training: "Training") -> Iterator[Callable[["Position"], None]]:
    """Yield a function of the position within an epoch; it moves a bar on a terminal and does nothing elsewhere."""
    if output.quiet or not output.errors.is_terminal:
        yield _ignore
        return
    from rich.progress import BarColumn, Progress, ProgressColumn, TextColumn, TimeRemainingColumn

    columns: list[ProgressColumn] = [TextColumn("{task.description}"), TextColumn("{task.fields[facts]}")]
    wide = output.errors.width >= _WIDE
    if wide:
        columns = [columns[0], BarColumn(), columns[1], TimeRemainingColumn()]
    with Progress(*columns, console=output.errors, transient=True) as bar:
        total = training.steps_per_epoch * training.options.epochs
        task = bar.add_task("", total=total, facts="")

        def show(position: "Position") -> None:
            facts = ""
            if position.images:
                speed = position.images / max(position.seconds, 1e-9)
                loss, accuracy = position.mean_loss, position.accuracy
                shown = "" if accuracy is None else f"  accuracy {accuracy:6.2%}" if wide else f"  {accuracy:.0%}"
                facts = f"loss {loss:.4f}{shown}  {speed:,.0f} images/s" if wide else f"loss {loss:.4g}{shown}"
            description = f"epoch {position.epoch + 1}/{training.options.epochs}"
            bar.update(task, completed=position.step, description=description, facts=facts)

        yield show


def _ignore(position: "Position") -> None:
    """Show nothing."""


class EpochLines:
    """The figures of each epoch as the rows of one table, whose headings come with the first row.

    log_every: updates between the lines of `print_updates`, None for none.
    """

    def __init__(self, output: Output, training: "Training", log_every: int | None = None) -> None:
        self.output, self.epochs, self.started = output, training.options.epochs, False
        self.log_every, self.whole = log_every, training.steps_per_epoch == 1
        self.since: list[UpdateReport] = []  # the line before

    def print(self, report: "EpochReport") -> None:
        """Print the row of an epoch on standard error; a terminal that is too narrow gets it as a record."""
        done = report.entry["epoch"]
        if self.whole and self.log_every and done % self.log_every and done < self.epochs:
            return  # an epoch is an update, and not of those to print
        table, width = _make_row(report, self.epochs), find_width(self.output.errors)
        lines = ["".join(piece.text for piece in line) for line in lay_out(table, width)]
        for line in lines[-1:] if self.started and fits(table, width) else lines:
            self.output.note(line)
        self.started = True

    def print_updates(self, updates: "list[UpdateReport]") -> None:
        """Print the means of every N updates on standard error; where an epoch is one update, its row does."""
        for update in updates if self.log_every and not self.whole else ():
            self.since.append(update)
            if update.iteration % (self.log_every or 1) == 0:
                loss = _format_loss(sum(one.loss for one in self.since) / len(self.since))
                known = [one.accuracy for one in self.since if one.accuracy is not None]
                accuracy = f"  acc {sum(known) / len(known):7.2%}" if known else ""
                self.output.note(f"iteration {update.iteration:>6}  epoch {update.epoch}  loss {loss}{accuracy}")
                self.since.clear()


def _make_row(report: "EpochReport", epochs: int) -> Table:
    """Return headings and figures of an epoch, each as wide as it may become."""
    entry = report.entry
    cells = {
        "epoch": f"{entry['epoch']}/{epochs}".rjust(2 * len(str(epochs)) + 1),
        "loss": _format_loss(entry["loss"]),
    }
    if entry["accuracy"] is not None:
        cells["acc"] = f"{entry['accuracy']:7.2%}"
    if entry["validation_loss"] is not None:
        cells["val loss"] = _format_loss(entry["validation_loss"])
        if entry["validation_accuracy"] is not None:
            cells["val acc"] = f"{entry['validation_accuracy']:7.2%}"
        cells["best"] = "*" if report.improved else ""
    for name, heading in (("test_loss", "test loss"), ("test_mse", "test mse")):
        if entry.get(name) is not None:
            cells[heading] = f"{entry[name]:.6f}" if name == "test_mse" else _format_loss(entry[name])
    if entry.get("test_accuracy") is not None:
        cells["test acc"] = f"{entry['test_accuracy']:7.2%}"
    cells["images/s"] = f"{report.images_per_second:,.0f}".rjust(11)
    return Table(tuple(cells), [tuple(cells.values())], "r" * len(cells))


def _format_loss(loss: float) -> str:
    return (f"{loss:.4f}" if abs(loss) < 1e4 else f"{loss:.3e}").rjust(9)
