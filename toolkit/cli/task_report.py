"""The measures of numbers, tags, maps, arrays and several outputs, for people."""

from typing import TYPE_CHECKING

from cnnkit.cli.output import Output
from cnnkit.cli.tables import print_fields, print_sentence, print_table
from cnnkit.documents import Cell, TableEntry, count
from cnnkit.documents.forms import TableForm
from cnnkit.files.names import printable

if TYPE_CHECKING:
    from cnnkit.training.task_evaluation import TaskEvaluation, TaskReport


def print_task(output: Output, result: "TaskEvaluation") -> None:
    """Print the loss, and for each output its headline and the table of its classes, tags or columns."""
    print_fields(output, (f"loss {result.loss:.6f}", ""), (f"{result.milliseconds_per_image:.3g} ms per sample", ""))
    if output.form is not TableForm.TEXT:
        figures = (result.loss, result.milliseconds_per_image)
        entries = [TableEntry(f"{value:.6g}", value) for value in figures]
        print_table(output, ("loss", "ms per sample"), [entries], "rr")
    for name, report in result.reports.items():
        output.say()
        if len(result.reports) > 1:
            print_sentence(output, f"output {printable(name)}", "bold")
        _print_report(output, report)


def describe_figures(report: "TaskReport") -> str:
    """Return the headline of a report in one line."""
    from cnnkit.training.task_evaluation import format_measure

    return ", ".join(f"{metric} {format_measure(float(value))}" for metric, value in report.figures.items())


def _print_report(output: Output, report: "TaskReport") -> None:
    from cnnkit.training.task_evaluation import format_measure

    print_fields(output, *((f"{metric} {format_measure(float(value))}", "bold")
                           for metric, value in report.figures.items()))  # fmt: skip
    if output.form is not TableForm.TEXT:
        entries = [TableEntry(format_measure(float(value)), float(value)) for value in report.figures.values()]
        print_table(output, tuple(report.figures), [entries], "r" * len(entries))
    if report.headings:
        output.say()
        rows: list[list[Cell]] = [[_make_cell(value) for value in row] for row in report.rows]
        print_table(output, report.headings, rows, "w" + "r" * (len(report.headings) - 1))
    if report.to_json()["undefined"]:
        print_sentence(output, "-: undefined, see --json for the reason")


def _make_cell(value: object) -> Cell:
    from cnnkit.training.task_evaluation import format_measure

    if isinstance(value, float):
        text = format_measure(value)
        return TableEntry(text, "" if text == "-" else value)
    return count(value) if isinstance(value, int) else printable(str(value))
