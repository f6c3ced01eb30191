"""What the columns of a table that are to be predicted are: classes, several labels, or numbers."""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cnnkit.data.csv_header import LABEL
from cnnkit.data.reading import Reading
from cnnkit.data.refusal import refuse
from cnnkit.data.table_columns import TargetColumn
from cnnkit.data.targets import CLASS, INPUT, NUMBERS, TAGS, Targets
from cnnkit.files.names import printable

_FEW = 100  # different whole numbers that are taken for classes where nothing else decides
_SHOWN = 6  # columns that messages list


@dataclass(frozen=True, eq=False)
class DecidedTargets:
    """Targets, the names of their classes where they have any, and what was decided, in lines."""

    targets: Targets
    class_names: tuple[str, ...] | None
    said: tuple[str, ...]


def decide_targets(columns: list[TargetColumn], reading: Reading, where: str) -> DecidedTargets:
    """Return what the columns of targets are: classes, several labels, or numbers.

    One column of words is of classes. One of whole numbers is of classes, unless the loss compares numbers, or, where
    no loss tells, they are many; columns of 0 and 1 are labels, unless the loss compares numbers. All others are
    numbers.

    Raises DataError for a word among numbers.
    """
    if not columns:
        said = "no column is a target: the samples are their own; --target NAME names what is to be predicted"
        if reading.remembered:
            said = f"has no column {list_columns(reading.target)}: there is nothing to compare predictions with"
        return DecidedTargets(Targets(INPUT, at=where), None, (said,))
    names, first = tuple(column.name for column in columns), columns[0]
    if len(columns) == 1 and (first.of_words or (first.whole and not _are_numbers(first, reading))):
        labels, classes = first.as_classes()
        count = "1 class" if len(classes) == 1 else f"{len(classes)} classes"
        what = "words" if first.of_words else "whole numbers"
        said = f"{printable(first.name, 60)}: {what}, taken for {count}: {list_columns(classes)}"
        return DecidedTargets(Targets(CLASS, labels, classes, f"{where}: {first.name}"), classes, (said,))
    values = np.stack([column.as_numbers() for column in columns], axis=1)
    at = f"{where}: {', '.join(names)}"
    if len(columns) > 1 and reading.numbers is not True and all(column.binary for column in columns):
        said = f"{list_columns(names)}: 0 and 1, taken for {len(names)} labels, each of which a sample has or not"
        return DecidedTargets(Targets(TAGS, values.astype(np.float32), names, at), names, (said,))
    said = f"{list_columns(names)}: numbers to be predicted, {values.min():g} to {values.max():g}"
    return DecidedTargets(Targets(NUMBERS, values, names, at), None, (said,))


def _are_numbers(column: TargetColumn, reading: Reading) -> bool:
    if reading.numbers is not None:
        return reading.numbers and column.name in reading.target
    return column.name != LABEL and column.count() > _FEW


def find_targets(where: str, columns: tuple[str, ...], reading: Reading) -> tuple[str, ...]:
    """Return the columns that are to be predicted.

    Raises DataError where one was told that is not there; one that is only remembered may be missing.
    """
    missing = [name for name in reading.target if name not in columns]
    if missing and not (reading.remembered and len(missing) == len(reading.target)):
        near = difflib.get_close_matches(missing[0], columns, 1)
        hint = f"did you mean {printable(near[0], 60)}?" if near else ""
        got = f"the columns {list_columns(columns)}"
        raise refuse(f"{where}, line 1", f"a column {printable(missing[0], 60)!r}, the target", got, hint)
    if reading.target:
        return () if missing else reading.target
    return (LABEL,) if LABEL in columns else ()


def list_columns(names: Sequence[str]) -> str:
    """Return the first names, and how many more there are."""
    shown = ", ".join(printable(name, 40) for name in names[:_SHOWN])
    return shown + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
