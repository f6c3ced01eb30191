"""The rows of a CSV of any columns: cells as text, block by block, each row as long as the first."""

import csv
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from cnnkit.data.refusal import refuse, require_affordable
from cnnkit.files.names import printable

LONGEST_LINE = 32 << 20
MOST_COLUMNS = (1 << 20) + 1
FREE_TEXT = 24 << 20  # of a packed table
_BLOCK = 4 << 20  # bytes of lines that are parsed together
_ROW_BYTES = 64  # of a row in memory, however short it is

Row = list[str]


class Rows(NamedTuple):
    """Some rows of a table, and the number of the line at which each of them ends."""

    cells: list[Row]
    lines: list[int]


class TableText:
    """An open CSV: its columns, and its rows in blocks."""

    def __init__(self, where: str, file: Any, packed: int | None) -> None:
        """Read the first line. packed: bytes of the packed file, None where it is not packed.

        Raises DataError where the first line does not name the columns, each once.
        """
        self._where, self._file, self._packed = where, file, packed
        self._bytes = self._line = 0
        self._reader = csv.reader(self._read_lines(), strict=True, skipinitialspace=True)
        self.columns = tuple(name.strip() for name in next(self._parse(), []))
        _require_columns(where, self.columns)

    def blocks(self) -> Iterator[Rows]:
        """Yield the rows; blank lines at the end are none.

        Raises DataError for rows of another length, text that is not UTF-8, and quotes that do not close.
        """
        rows, blank, size = Rows([], []), 0, self._bytes
        for row in self._parse():
            if not row or row == [""] * len(row) == [""]:
                blank = blank or self._line
                continue
            if blank:
                raise refuse(f"{self._where}, line {blank}", f"{len(self.columns)} cells as in line 1", "an empty line")
            if len(row) != len(self.columns):
                where = f"{self._where}, line {self._line}"
                raise refuse(where, f"{len(self.columns)} cells as in line 1", f"{len(row)}")
            rows.cells.append(row)
            rows.lines.append(self._line)
            if self._bytes - size >= _BLOCK:
                yield rows
                rows, size = Rows([], []), self._bytes
        if rows.cells:
            yield rows

    def _parse(self) -> Iterator[Row]:
        try:
            yield from self._reader
        except csv.Error as error:
            hint = 'close each quotation mark, and write " inside of a cell twice'
            raise refuse(f"{self._where}, line {self._line}", "cells separated by commas", str(error), hint) from None

    def _read_lines(self) -> Iterator[str]:
        while line := self._file.readline(LONGEST_LINE):
            self._line += 1
            self._bytes += len(line) + _ROW_BYTES
            if len(line) == LONGEST_LINE:
                raise refuse(self._where, f"lines of less than {LONGEST_LINE} bytes", "a longer one")
            if line.count(b",") >= MOST_COLUMNS:
                raise refuse(f"{self._where}, line {self._line}", f"at most {MOST_COLUMNS} columns", "more")
            if self._packed is not None:
                require_affordable(self._where, self._bytes, self._packed, FREE_TEXT)
            yield self._decode(line)

    def _decode(self, line: bytes) -> str:
        where = f"{self._where}, line {self._line}"
        if self._line == 1 and line.startswith((b"\xff\xfe", b"\xfe\xff")):
            raise refuse(where, "text in UTF-8", "UTF-16", "save it as CSV in UTF-8")
        try:
            text = line.decode("utf-8-sig" if self._line == 1 else "utf-8")
        except UnicodeDecodeError:
            raise refuse(where, "text in UTF-8", "another encoding", "save it as CSV in UTF-8") from None
        if "\r" in text.rstrip("\r\n"):
            raise refuse(where, "lines that end in LF or CR LF", "lines that end in CR", "save it again")
        if "\0" in text:
            raise refuse(where, "text", "a zero byte", "save it as CSV in UTF-8")
        return text


def _require_columns(where: str, columns: tuple[str, ...]) -> None:
    first = f"{where}, line 1"
    if not columns:
        raise refuse(first, "the names of the columns", "an empty line")
    if len(columns) == 1 and any(mark in columns[0] for mark in ";\t|"):
        raise refuse(first, "names of columns", printable(columns[0], 60), "separate the columns by commas")
    if all(re.fullmatch(r"[-+0-9.eE]+", name) for name in columns):
        raise refuse(first, "the names of the columns", "numbers", "write a first line with a name for each column")
    seen = set()
    for number, name in enumerate(columns, 1):
        if not name:
            hint = "name it, or leave the index out: DataFrame.to_csv(FILE, index=False)"
            raise refuse(first, "a name for each column", f"none for column {number}", hint)
        if name in seen:
            raise refuse(first, "each name once", f"{printable(name, 60)!r} twice")
        seen.add(name)
