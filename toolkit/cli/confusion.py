"""The confusion matrix for people: truth in rows, prediction in columns, the largest confusions in words."""

from typing import TYPE_CHECKING

from cnnkit.cli.output import Output
from cnnkit.cli.tables import print_sentence, print_table
from cnnkit.cli.viewing import name_class
from cnnkit.documents import Cell, TableEntry, count
from cnnkit.files.names import printable

if TYPE_CHECKING:
    from cnnkit.metrics import Report

_RIGHT, _WRONG, _PALE = (0, 114, 178), (213, 94, 0), (245, 245, 245)  # blue and vermilion of Okabe and Ito 2008


def print_confusion(output: Output, report: "Report") -> None:
    """Print the matrix, each cell shaded by its share of the row, the row totals, and the three largest confusions."""
    names = report.class_names
    digits = max(len(str(number)) for row in report.confusion_matrix for number in row)
    rows: list[list[Cell]] = []
    for k, numbers in enumerate(report.confusion_matrix):
        total = sum(numbers)
        cells = [_shade_cell(number, total, digits, right=k == j) for j, number in enumerate(numbers)]
        rows.append([printable(name_class(k, names)), *cells, count(total)])
    print_sentence(output, "confusion matrix: truth in rows, prediction in columns")
    headings = ("truth", *map(str, range(len(names))), "total")
    print_table(output, headings, rows, "w" + "r" * (len(names) + 1))
    for confusion in report.largest_confusions:
        times = "once" if confusion.count == 1 else f"{confusion.count:,} times"
        print_sentence(output, printable(f"{confusion.label} was taken for {confusion.predicted}: {times}"))
    output.say()


def _shade_cell(number: int, total: int, digits: int, right: bool) -> TableEntry:
    if not number:
        return TableEntry("0" if right else ".", 0, "dim", minor=not right)
    share = (number / total) ** 0.5  # makes a few confusions visible next to many hits
    red, green, blue = (
        round(pale + (full - pale) * share) for pale, full in zip(_PALE, _RIGHT if right else _WRONG, strict=True)
    )
    ink = "white" if share > 0.6 else "black"
    return TableEntry(f"{number:>{digits}}", number, f"{ink} on #{red:02x}{green:02x}{blue:02x}")
