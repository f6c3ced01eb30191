"""The columns of a table as numbers and as classes."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cnnkit.data.labels import MOST_CLASSES
from cnnkit.data.picture import SUFFIXES
from cnnkit.data.refusal import refuse
from cnnkit.data.table_rows import Rows
from cnnkit.errors import DataError
from cnnkit.files.names import printable
from cnnkit.files.natural_order import natural_key

_PLAIN = str.maketrans("", "", "0123456789+-.eE,")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?")
_WHOLE = re.compile(r"[+-]?[0-9]{1,15}")
_LARGEST = float(np.finfo(np.float32).max)
_MISSING = {"na", "n/a", "nan", "null", "none", "?", "-"}


def read_numbers(where: str, rows: Rows, columns: tuple[str, ...], chosen: list[int]) -> npt.NDArray[np.float64]:
    """Return the numbers of these columns, (rows, columns).

    Raises DataError that names row and column of a cell that is not a decimal number in the range of float32.
    """
    picked = rows.cells if chosen == list(range(len(columns))) else [[row[at] for at in chosen] for row in rows.cells]
    if not any(",".join(row).translate(_PLAIN) for row in picked):
        try:
            numbers = np.array(picked, np.float64).reshape(len(picked), len(chosen))
        except ValueError:  # such as "1-2", or an empty cell
            numbers = np.full((len(picked), len(chosen)), np.nan)
        if bool((np.abs(numbers) <= _LARGEST).all()):
            return numbers
    for line, row in zip(rows.lines, picked, strict=True):
        for at, text in zip(chosen, row, strict=True):
            require_number(f"{where}, line {line}, column {printable(columns[at], 60)}", text)
    return np.array([[float(text) for text in row] for row in picked], np.float64).reshape(len(picked), len(chosen))


def find_decimal(rows: Rows, chosen: list[int]) -> int | None:
    """Return the first line with a cell of these columns that is not written as a whole number; None without one."""
    for line, row in zip(rows.lines, rows.cells, strict=True):
        if any(mark in row[at] for at in chosen for mark in ".eE"):
            return line
    return None


def is_number(text: str) -> bool:
    """Return whether a cell is written as a decimal number."""
    return _NUMBER.fullmatch(text) is not None


def require_number(where: str, text: str) -> float:
    """Return the number in a cell. Raises DataError for another text, and for what float32 does not hold."""
    text = text.strip()
    if not is_number(text):
        raise refuse_cell(where, text, "a number")
    number = float(text)
    if abs(number) > _LARGEST:
        raise refuse(where, "a number that float32 holds", printable(text, 40))
    return number


def refuse_cell(where: str, text: str, expected: str) -> DataError:
    """Return the error for a cell that holds something else."""
    if not text.strip():
        return refuse(where, expected, "an empty cell", "fill it, or leave the row out")
    hint = "fill it, or leave the row out" if text.strip().lower() in _MISSING else ""
    if not hint and expected == "a number":
        if Path(text.strip()).suffix.lower() in SUFFIXES:
            return refuse(where, expected, f"{printable(text.strip(), 40)!r}", "call a column of pictures `file`")
        hint = "number it, leave the column out, or name it with --target if it is to be predicted"
    return refuse(where, expected, f"{printable(text.strip(), 40)!r}", hint)


class TargetColumn:
    """A column that is to be predicted, while its cells are collected: as numbers and as words, until it is decided."""

    def __init__(self, where: str, name: str) -> None:
        self.where, self.name = where, name
        self._numbers: list[npt.NDArray[np.float64]] = []
        self._ids: list[npt.NDArray[np.int32]] = []
        self._classes: dict[str, int] = {}
        self._word: tuple[int, str] | None = None  # the first cell that is no number, with its line
        self.whole = True

    def add(self, cells: list[str], lines: list[int]) -> None:
        """Add the next cells. Raises DataError on an empty one, and on words where too many differ."""
        cells = [cell.strip() for cell in cells]
        numbers = np.full(len(cells), np.nan)
        for at, text in enumerate(cells):
            if _WHOLE.fullmatch(text):
                numbers[at] = float(text)
            elif _NUMBER.fullmatch(text):
                numbers[at], self.whole = float(text), False
            elif not text or text.lower() in ("nan", "null", "none"):
                raise refuse_cell(self._at(lines[at]), text, "a target")
            elif self._word is None:
                self._word = lines[at], text
        self._numbers.append(numbers)
        if len(self._classes) <= MOST_CLASSES:
            ids = [self._classes.setdefault(text, len(self._classes)) for text in cells]
            self._ids.append(np.array(ids, np.int32))
        elif self._word is not None:
            raise refuse(self.where, f"numbers, or at most {MOST_CLASSES} classes", f"{len(self._classes)} words")

    @property
    def of_words(self) -> bool:
        """Whether a cell is no number."""
        return self._word is not None

    @property
    def binary(self) -> bool:
        """Whether all cells are 0 or 1."""
        return self._classes.keys() <= {"0", "1"}

    def count(self) -> int:
        """Return the number of different cells, as far as they were counted."""
        return len(self._classes)

    def as_numbers(self) -> npt.NDArray[np.float64]:
        """Return the numbers (N,). Raises DataError where a cell is none, or too large for float32."""
        if self._word is not None:
            line, text = self._word
            raise refuse_cell(self._at(line), text, "a number, as in the other targets or as the loss takes them")
        numbers = np.concatenate(self._numbers)
        if not bool((np.abs(numbers) <= _LARGEST).all()):
            raise refuse(self.where, "numbers that float32 holds", f"{np.abs(numbers).max():g}")
        return numbers

    def as_classes(self) -> tuple[npt.NDArray[np.int64], tuple[str, ...]]:
        """Return labels (N,) and the names of the classes: words in natural order, or whole numbers by size.

        Raises DataError for more than MOST_CLASSES different ones.
        """
        if len(self._classes) > MOST_CLASSES:
            raise refuse(self.where, f"at most {MOST_CLASSES} classes", "more different values")
        names = self._merge_numbers() if not self.of_words else {text: text for text in self._classes}
        order: dict[str, Any] = {name: natural_key(name) if self.of_words else int(name) for name in names.values()}
        ordered = sorted(order, key=lambda name: (order[name], name))
        position = {name: number for number, name in enumerate(ordered)}
        table = np.array([position[names[text]] for text in self._classes], np.int64)
        return table[np.concatenate(self._ids)], tuple(ordered)

    def _merge_numbers(self) -> dict[str, str]:
        """Return {text: name}: "07" and "+7" are the class "7"."""
        return {text: str(int(text)) for text in self._classes}

    def _at(self, line: int) -> str:
        return f"{self.where}, line {line}, column {printable(self.name, 60)}"
