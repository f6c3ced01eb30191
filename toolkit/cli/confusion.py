"""The confusion matrix for people: truth in rows, prediction in columns, the largest confusions in words."""

from typing import TYPE_CHECKING

from rich.color import Color
from rich.style import Style
from rich.text import Text

from cnnkit.cli.output import Output
from cnnkit.cli.tables import Cell, print_table
from cnnkit.cli.viewing import name_class

if TYPE_CHECKING:
    from cnnkit.metrics import Report

_RIGHT, _WRONG, _PALE = (0, 114, 178), (213, 94, 0), (245, 245, 245)  # blue and vermilion of Okabe and Ito 2008


def print_confusion(output: Output, report: "Report") -> None:
    """Print the matrix, each cell shaded by its share of the row, the row totals, and the three largest confusions."""
    names = report.class_names
    labels = [name_class(k, names) for k in range(len(names))]
    digits = len(str(report.images))
    if output.people.is_terminal and (max(map(len, labels)) + (digits + 2) * (len(names) + 1)) > output.people.width:
        output.say(f"confusion matrix: {len(names)} classes are too wide for this terminal: see --json, or pipe it")
    else:
        rows: list[list[Cell]] = []
        for k, counts in enumerate(report.confusion_matrix):
            total = sum(counts)
            cells = [_shade_cell(count, total, digits, right=k == j) for j, count in enumerate(counts)]
            rows.append([labels[k], *cells, f"{total:,}"])
        output.say("confusion matrix: truth in rows, prediction in columns")
        headings = ("truth", *map(str, range(len(names))), "total")
        print_table(output, headings, rows, " " + "r" * (len(names) + 1))
    for confusion in report.largest_confusions:
        times = "once" if confusion.count == 1 else f"{confusion.count:,} times"
        output.say(Text(f"{confusion.label} was taken for {confusion.predicted}: {times}"))
    output.say()


def _shade_cell(count: int, total: int, digits: int, right: bool) -> Text:
    text = f"{count:>{digits}}" if count or right else f"{'.':>{digits}}"
    if not count:
        return Text(text, style="dim")
    share = (count / total) ** 0.5  # makes a few confusions visible next to many hits
    red, green, blue = (
        round(pale + (full - pale) * share) for pale, full in zip(_PALE, _RIGHT if right else _WRONG, strict=True)
    )
    ink = "white" if share > 0.6 else "black"
    return Text(text, style=Style(color=ink, bgcolor=Color.from_rgb(red, green, blue)))
