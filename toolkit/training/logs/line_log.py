"""A log of one line an epoch, of JSON or of a table."""

import csv
import io
import json
from abc import abstractmethod
from functools import cached_property
from pathlib import Path
from typing import Any

from cnnkit.errors import ConfigError, ExportError
from cnnkit.exporters.core.strict_json import loads
from cnnkit.files.names import printable
from cnnkit.files.regular_file import open_regular
from cnnkit.files.writing.appending import append_line, cut_short, require_appendable
from cnnkit.training.logs.epoch_log import Entries, Entry, EpochLog

Cells = dict[str, str]  # what a line tells: {"epoch": "1", "loss": "0.7", ...}
_TIMES = "seconds"  # differs when the same epoch is computed again
_LONGEST_LINE = 1 << 20  # bytes


class LineLog(EpochLog):
    """Lines at the end of a file, which may hold those of other trainings before.

    history: of a training that goes on, None for a new one.
    """

    def __init__(self, path: Path, history: Entries | None = None) -> None:
        self.path, self._history = path, history
        self._goes_on = history is not None

    def write(self, entry: Entry) -> None:
        """Append the line of an epoch. Raises OSError, and ConfigError for a table of other columns."""
        if self._goes_on:
            start = self._find_lost(entry)
            if start is not None:
                cut_short(self.path, start)
            self._goes_on = False
        self._append(entry)

    @abstractmethod
    def _append(self, entry: Entry) -> None:
        """Append the line of an entry."""

    @abstractmethod
    def _read(self, line: str) -> Cells | None:
        """Return what a line tells, None where it tells of no epoch."""

    @abstractmethod
    def _tell(self, entry: Entry) -> Cells:
        """Return what the line of an entry tells."""

    def _find_lost(self, entry: Entry) -> int | None:
        """Return where the file's last lines begin that tell of the epoch of `entry` and of those after it.

        They are this training's where the line before them is its last epoch's, or the first has the figures of
        `entry`. None where there are no such lines.
        """
        if not self.path.exists():
            return None
        epoch, start, lost, offset, before = int(entry["epoch"]), None, 0, 0, None
        with open_regular(self.path) as file:
            for line in iter(lambda: file.readline(_LONGEST_LINE), b""):
                cells = self._read(line.decode("utf-8", "replace"))
                told = None if cells is None else cells.get("epoch")
                if told == str(epoch) and self._is_lost(entry, cells or {}, before):
                    start, lost = offset, 1
                elif start is not None and (told == str(epoch + lost) or not line.endswith(b"\n")):
                    lost += 1
                else:
                    start = None
                offset, before = offset + len(line), cells
        return start

    def _is_lost(self, entry: Entry, cells: Cells, before: Cells | None) -> bool:
        if self._history and before == self._tell(self._history[-1]):
            return True
        same = self._tell(entry)
        return {**cells, _TIMES: ""} == {**same, _TIMES: ""}


class JsonLog(LineLog):
    """An object of JSON a line, as the history in weight files has it."""

    def require_writable(self) -> None:
        """Raise OSError where no line can be appended, or the file holds something else."""
        require_appendable(self.path, (b"{", b'{"'), "lines of JSON")

    def _append(self, entry: Entry) -> None:
        append_line(self.path, json.dumps(dict(entry)))

    def _read(self, line: str) -> Cells | None:
        try:
            told = loads(line.encode())
        except (ExportError, ValueError):
            return None
        return self._tell(told) if isinstance(told, dict) else None

    def _tell(self, entry: Entry) -> Cells:
        return {name: json.dumps(value) for name, value in entry.items()}


class CsvLog(LineLog):
    """A row an epoch under a header; the columns are those of the header, whichever training writes.

    Numbers have all their digits; a figure that there is none of is empty.
    """

    def require_writable(self) -> None:
        """Raise OSError where no line can be appended, or the file holds something else; ConfigError as `write`."""
        require_appendable(self.path, (b"ep",), "a table of epochs")
        if self._history:
            self._require_columns(self._history[-1])

    def _append(self, entry: Entry) -> None:
        self._require_columns(entry)
        if not self._header:
            vars(self)["_header"] = list(entry)
            append_line(self.path, _join(self._header))
        cells = self._tell(entry)
        append_line(self.path, _join([cells[name] for name in self._header]))

    @cached_property
    def _header(self) -> list[str]:
        """The names of the columns, none where the file is empty or missing."""
        if not self.path.exists():
            return []
        with open_regular(self.path) as file:
            return _split(file.readline(_LONGEST_LINE).decode("utf-8", "replace"))

    def _require_columns(self, entry: Entry) -> None:
        """Raise ConfigError where the file has other columns than the figures of the entry."""
        if self._header and set(self._header) != set(entry):
            found = printable(", ".join(self._header), 200)
            wanted = ", ".join(entry)
            raise ConfigError(f"log: {self.path}: expected the columns {wanted}, got {found}: choose another file")

    def _read(self, line: str) -> Cells | None:
        row = _split(line)
        return dict(zip(self._header, row, strict=True)) if len(row) == len(self._header) else None

    def _tell(self, entry: Entry) -> Cells:
        return {name: _write_cell(value) for name, value in entry.items()}


def _write_cell(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value)


def _split(line: str) -> list[str]:
    try:
        return next(csv.reader([line.rstrip("\r\n")]), [])
    except csv.Error:  # a cell of more than 128 KiB
        return [line]


def _join(cells: list[str]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(cells)
    return text.getvalue()
